// The dashboard: loads everything, then follows the live stream.
import { onSubmit, own } from "./client.js";
import { byId, el, facts, fill, say } from "./dom.js";
import * as appointments from "./appointments.js";
import * as deliveries from "./deliveries.js";
import * as detail from "./detail.js";
import * as endpoints from "./endpoints.js";

async function begin() {
  const status = await own("GET", "/status");
  showStatus(status);
  byId("event-type").replaceChildren(...status.eventTypes.map((type) => el("option", { value: type }, type.replace("appointment.", ""))));
  endpoints.setUp();
  appointments.setUp();
  deliveries.setUp();
  onSubmit(byId("send"), async (data) => {
    const sent = await own("POST", "/events", { type: data.get("type") });
    say(`Sent ${sent.eventType} to ${sent.deliveries.length === 1 ? "one endpoint" : `${sent.deliveries.length} endpoints`}.`);
  });
  await loadAll();
  detail.setUp(status.tampers);
  follow();
}

function showStatus(status) {
  fill(byId("facts"), facts([
    ["credits", el("span", { id: "credits" }, String(status.credits))],
    ["retries after", status.schedule],
    ["timeout", status.timeout],
    ["dialect", status.dialect],
    ["API", el("code", {}, `${location.origin}/api/v1`)],
    ["description", el("a", { href: "/_hookcheck/openapi.yaml" }, "OpenAPI")],
  ]));
}

async function loadAll() {
  await endpoints.loadEndpoints(); // the deliveries show their URLs
  await Promise.all([deliveries.loadDeliveries(), appointments.loadAppointments()]);
  if (detail.opened()) await detail.refresh();
}

/** What to load or draw again. Changes come in bursts: they are collected for a moment. */
const due = new Set();
const work = {
  everything: loadAll,
  endpoints: endpoints.loadEndpoints,
  appointments: appointments.loadAppointments,
  deliveries: deliveries.renderDeliveries,
  detail: detail.refresh,
};
let timer;

function soon(...names) {
  for (const name of names) due.add(name);
  timer ??= setTimeout(async () => {
    timer = undefined;
    const now = [...due];
    due.clear();
    try {
      for (const name of now) await work[name]();
    } catch (error) {
      say(error.message, true);
    }
  }, 100);
}

function follow() {
  const stream = new EventSource("/_hookcheck/stream");
  const live = byId("live");
  let lost = false;
  stream.onopen = () => {
    live.textContent = "live";
    live.className = "live on";
    if (lost) soon("everything");
    lost = false;
  };
  stream.onerror = () => {
    live.textContent = "the stand-in does not answer; trying again…";
    live.className = "live off";
    lost = true;
  };
  const on = (name, handle) => stream.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  on("delivery", (d) => {
    deliveries.update(d);
    soon("deliveries", "endpoints");
    if (d.id === detail.opened()) soon("detail");
  });
  on("webhook", (w) => (w.deleted ? soon("everything") : soon("endpoints", "deliveries"))); // its deliveries go with it
  on("appointment", () => soon("appointments"));
  on("account", (a) => (byId("credits").textContent = a.credits));
  on("reload", () => soon("everything"));
}

begin().catch((error) => say(error.message, true));
