// The live list of deliveries.
import { own } from "./client.js";
import { byId, chip, el, fill, millis, when } from "./dom.js";
import { urlOf } from "./endpoints.js";
import { open, opened } from "./detail.js";

const pageSize = 50;
const most = 500; // rows kept in the page
let deliveries = new Map(); // by id
let hasOlder = false;

const newestFirst = () => [...deliveries.values()].sort((a, b) => b.id - a.id);

export async function loadDeliveries() {
  const { data } = await own("GET", `/deliveries?limit=${pageSize}${stateQuery()}`);
  deliveries = new Map(data.map((d) => [d.id, d]));
  hasOlder = data.length === pageSize;
  renderDeliveries();
}

async function loadOlder() {
  const oldest = newestFirst().at(-1).id;
  const { data } = await own("GET", `/deliveries?limit=${pageSize}&before=${oldest}${stateQuery()}`);
  for (const d of data) deliveries.set(d.id, d);
  hasOlder = data.length === pageSize && deliveries.size < most;
  renderDeliveries();
}

const stateQuery = () => (byId("filter").value ? `&state=${byId("filter").value}` : "");

/** Takes in a row that has changed. */
export function update(d) {
  if (d.deleted) {
    deliveries.delete(Number(d.id));
    return;
  }
  const wanted = byId("filter").value;
  if (wanted && d.state !== wanted) deliveries.delete(d.id);
  else deliveries.set(d.id, d);
  if (deliveries.size > most) {
    for (const old of newestFirst().slice(most)) deliveries.delete(old.id);
    hasOlder = true;
  }
}

export function setUp() {
  byId("filter").addEventListener("change", loadDeliveries);
  byId("older").addEventListener("click", loadOlder);
}

export function renderDeliveries() {
  const nodes = newestFirst().map(row);
  if (nodes.length === 0) nodes.push(el("li", { class: "empty" }, "Nothing here yet. Send a test event, or book an appointment."));
  fill(byId("stream"), nodes);
  byId("older").hidden = !hasOlder;
}

/** What became of a delivery, as a chip. */
export function outcome(d) {
  if (d.state === "delivered") return d.fault ? chip(`${d.lastStatus}, not refused`, "bad") : chip(String(d.lastStatus), "good");
  if (d.state === "sending") return chip("sending", "busy");
  const last = d.attempts ? d.lastStatus || "no answer" : "waiting";
  if (d.state === "pending") return chip(d.attempts ? `${last}, again soon` : last, "busy");
  return chip(d.fault ? `${last}, refused` : String(last), d.fault && d.lastStatus ? "good" : "bad");
}

function row(d) {
  const notes = [];
  if (d.attempts) notes.push(millis(d.lastMillis));
  if (d.reason !== "change") notes.push(d.reason);
  if (d.fault) notes.push(`tampered: ${d.fault}`);
  if (d.attempts > 1) notes.push(`${d.attempts} attempts`);
  if (d.state === "pending") notes.push(el("span", {}, "next ", when(d.nextAt)));
  return el("li", {},
    el("button", {
      type: "button", class: "row", "data-focus": `delivery-${d.id}`, "data-delivery": d.id,
      "aria-current": opened() === d.id ? "true" : undefined, onclick: () => open(d.id),
    },
    el("span", { class: "at" }, when(d.createdAt)),
    el("span", { class: "type" }, d.eventType.replace("appointment.", "")),
    el("span", { class: "outcome" }, outcome(d)),
    el("span", { class: "to" }, urlOf(d.webhookId) ?? d.webhookId),
    el("span", { class: "notes" }, ...notes.flatMap((note, i) => (i ? [" · ", note] : [note])))));
}
