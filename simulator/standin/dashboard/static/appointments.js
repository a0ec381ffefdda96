// The appointments, and what can happen to them. Each change emits an event.
import { api, onSubmit, own, run } from "./client.js";
import { byId, chip, el, fill, say } from "./dom.js";

const shown = 8;
let appointments = [];

export async function loadAppointments() {
  appointments = (await own("GET", "/appointments")).data;
  render();
}

export function setUp() {
  onSubmit(byId("book"), async (data) => {
    const slot = await nextFreeSlot(5);
    const made = await api("POST", "/appointments", { departmentId: 5, dateTime: slot, name: data.get("name") });
    say(`Booked appointment ${made.id} at ${spoken(made.dateTime)}.`);
  });
}

async function nextFreeSlot(department) {
  const date = (days) => new Date(Date.now() + days * 86400e3).toISOString().slice(0, 10);
  const { availability } = await api("GET", `/departments/${department}/availability?startDate=${date(1)}&endDate=${date(60)}`);
  const slot = availability.flatMap((day) => day.slots).find((s) => s.available);
  if (!slot) throw new Error("No slot is free in the next 60 days.");
  return slot.dateTime;
}

const spoken = (dateTime) => dateTime.replace("T", " ").slice(0, 16);

function render() {
  const nodes = appointments.slice(0, shown).map(card);
  if (nodes.length === 0) nodes.push(el("li", { class: "empty" }, "None yet. Book one here or through the API: each change sends its event."));
  if (appointments.length > shown) nodes.push(el("li", { class: "empty" }, `… and ${appointments.length - shown}${appointments.length >= 100 ? " or more" : ""} before these.`));
  fill(byId("appointments"), nodes);
}

const kinds = { SCHEDULED: "busy", COMPLETED: "good", CANCELLED: "bad", NO_SHOW: "bad", PENDING_PAYMENT: "plain" };

function card(a) {
  const open = a.status === "SCHEDULED" || a.status === "PENDING_PAYMENT";
  const button = (label, action) =>
    el("button", { type: "button", "data-focus": `${a.id}-${label}`, "aria-label": `${label} appointment ${a.id}`, onclick: (event) => run(event.currentTarget, action) }, label);
  return el("li", { class: "card" },
    el("p", { class: "top" }, el("strong", {}, `#${a.id} ${a.name}`), chip(a.status.toLowerCase().replace("_", " "), kinds[a.status])),
    el("p", { class: "dim" }, spoken(a.dateTime)),
    open ? el("p", { class: "actions" },
      button("Move", () => move(a)),
      button("Validate", () => own("POST", `/appointments/${a.id}/validate`)),
      button("Complete", () => own("POST", `/appointments/${a.id}/complete`)),
      button("No show", () => own("POST", `/appointments/${a.id}/no-show`)),
      button("Cancel", () => api("DELETE", `/appointments/${a.id}`))) : undefined);
}

async function move(a) {
  const slot = await nextFreeSlot(a.departmentId);
  await own("PATCH", `/appointments/${a.id}`, { dateTime: slot });
  say(`Moved appointment ${a.id} to ${spoken(slot)}.`);
}
