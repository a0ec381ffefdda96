// The registered endpoints.
import { api, onSubmit, own, run } from "./client.js";
import { byId, chip, el, fill, say, when } from "./dom.js";

let endpoints = [];
const secrets = new Map(); // shown ones, by endpoint

export const urlOf = (id) => endpoints.find((e) => e.id === id)?.url;

export async function loadEndpoints() {
  endpoints = (await own("GET", "/webhooks")).data;
  render();
}

export function setUp() {
  onSubmit(byId("add-endpoint"), async (data, form) => {
    await own("POST", "/webhooks", { url: data.get("url") });
    form.reset();
    say("Added. Show its secret and give it to your receiver.");
  });
}

function render() {
  const nodes = endpoints.map(card);
  if (nodes.length === 0) nodes.push(el("li", { class: "empty" }, "None yet. Add the URL of yours, and every event goes there."));
  fill(byId("endpoints"), nodes);
}

function state(e) {
  if (!e.active) return chip("off", "bad");
  return e.failingSince ? chip("failing", "bad") : chip("on", "good");
}

function card(e) {
  const counts = ["delivered", "pending", "sending", "failed"]
    .filter((name) => e.deliveries[name])
    .map((name) => `${e.deliveries[name]} ${name}`);
  const button = (label, key, action) =>
    el("button", { type: "button", "data-focus": `${e.id}-${key}`, onclick: (event) => run(event.currentTarget, action) }, label);
  return el("li", { class: "card" },
    el("p", { class: "top" }, el("code", { class: "url" }, e.url), state(e)),
    e.offReason ? el("p", { class: "bad" }, `Switched off: ${e.offReason}.`) : undefined,
    e.active && e.failingSince ? el("p", { class: "bad" }, "No success since ", when(e.failingSince)) : undefined,
    el("p", { class: "dim" }, counts.join(" · ") || "nothing sent yet", e.rotating ? " · two secrets are valid" : ""),
    secrets.has(e.id) ? el("p", {}, el("code", { class: "secret" }, secrets.get(e.id))) : undefined,
    el("p", { class: "actions" },
      button("Test", "test", () => test(e)),
      button(secrets.has(e.id) ? "Hide secret" : "Show secret", "secret", () => toggleSecret(e)),
      button("Rotate secret", "rotate", () => rotate(e)),
      button(e.active ? "Switch off" : "Switch on", "active", () => own("PATCH", `/webhooks/${e.id}`, { active: !e.active })),
      button("Remove", "remove", () => remove(e))));
}

async function test(e) {
  const result = await api("POST", `/staff/webhooks/${e.id}/test`);
  say(result.success ? `It answered ${result.httpStatus} in ${result.responseTime} ms.` : `It failed: ${result.httpStatus || ""} ${result.message}`, !result.success);
}

async function toggleSecret(e) {
  if (!secrets.delete(e.id)) secrets.set(e.id, (await own("GET", `/webhooks/${e.id}/secret`)).secret);
  render();
}

async function rotate(e) {
  const rotated = await own("POST", `/webhooks/${e.id}/rotate-secret`, {});
  secrets.set(e.id, rotated.secret);
  render();
  say("Rotated. The new secret signs from now on; the old one is valid for another day.");
}

async function remove(e) {
  if (!confirm(`Remove ${e.url} and its deliveries?`)) return;
  await own("DELETE", `/webhooks/${e.id}`);
  secrets.delete(e.id);
}
