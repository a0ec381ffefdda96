// One delivery: its attempts, and sending it again.
import { own, run } from "./client.js";
import { byId, chip, el, facts, fill, millis, say, when } from "./dom.js";
import { outcome, renderDeliveries } from "./deliveries.js";
import { urlOf } from "./endpoints.js";

let current; // the id of the delivery that is open
let endpoint; // where it goes

export const opened = () => current;

export function setUp(tampers) {
  byId("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current) close();
  });
  const select = byId("again").elements.tamper;
  select.replaceChildren(...tampers.map((t) => el("option", { value: t.kind, title: t.title }, t.title)));
  select.value = "body-byte";
  for (const button of byId("again").querySelectorAll("[data-again]")) {
    button.addEventListener("click", () => run(button, () => again(button.dataset.again)));
  }
  const linked = Number(location.hash.match(/^#delivery-(\d+)$/)?.[1]);
  if (linked) open(linked);
}

/** Opens a delivery and puts the focus there. */
export async function open(id) {
  current = id;
  endpoint = undefined;
  history.replaceState(null, "", `#delivery-${id}`);
  byId("detail").hidden = false;
  document.body.classList.add("open");
  byId("attempts").replaceChildren();
  try {
    await refresh();
  } catch (error) {
    close();
    say(error.message, true);
    return;
  }
  renderDeliveries();
  byId("detail-title").focus({ preventScroll: true });
}

/** Closes it and returns the focus to its row. */
export function close() {
  const row = document.querySelector(`[data-delivery="${current}"]`);
  current = undefined;
  history.replaceState(null, "", location.pathname);
  byId("detail").hidden = true;
  document.body.classList.remove("open");
  renderDeliveries();
  const again = row && document.querySelector(`[data-delivery="${row.dataset.delivery}"]`);
  (again ?? byId("deliveries")).focus();
}

/** Loads the open delivery again, or closes it when it went with its endpoint. */
export async function refresh() {
  const id = current;
  if (endpoint && !urlOf(endpoint)) return close();
  const d = await own("GET", `/deliveries/${id}`);
  if (id !== current) return; // another one was opened meanwhile
  endpoint = d.webhookId;
  byId("detail-title").textContent = `Delivery ${d.id}`;
  fill(byId("detail-facts"), facts([
    ["event", el("span", {}, d.eventType)],
    ["event id", el("code", {}, d.eventId)],
    ["to", el("code", {}, urlOf(d.webhookId) ?? d.webhookId)],
    ["because of", d.fault ? `${d.reason}, tampered: ${d.fault}` : d.reason],
    ["state", el("span", {}, d.state, " ", outcome(d))],
    ...(d.state === "pending" ? [["next attempt", when(d.nextAt)]] : []),
  ]));
  const log = d.log.map(attempt).reverse();
  if (log.length === 0) log.push(el("p", { class: "empty" }, "Not attempted yet."));
  fill(byId("attempts"), log);
}

async function again(how) {
  const form = byId("again").elements;
  const body = {
    once: {},
    twice: { times: 2 },
    tamper: { tamper: form.tamper.value },
    delay: { delay: form.delay.value },
  }[how];
  const { data } = await own("POST", `/deliveries/${current}/redeliver`, body);
  const answers = data.map((d) => (d.state === "pending" ? "waits" : d.lastStatus || d.lastError || d.state));
  say(how === "delay" ? `Delivery ${data[0].id} goes out in ${form.delay.selectedOptions[0].text}.` : `Sent: ${answers.join(", ")}.`);
}

function attempt(a) {
  const good = a.response && a.response.status >= 200 && a.response.status < 300 && !a.error;
  return el("article", { class: "attempt" },
    el("h3", {}, `Attempt ${a.number} `, chip(a.response ? String(a.response.status) : "no answer", good ? "good" : "bad"), " ", when(a.startedAt)),
    a.error ? el("p", { class: "bad" }, a.error) : undefined,
    timing(a.timing),
    el("h4", {}, "Request"),
    message(`${a.request.method} ${a.request.url}`, a.request.header, a.request.body, `${a.number}-request`),
    a.response ? el("h4", {}, "Response") : undefined,
    a.response ? message(`HTTP ${a.response.status}`, a.response.header, a.response.body, `${a.number}-response`) : undefined);
}

/** The three times of an exchange, and how they share the whole. */
function timing(t) {
  if (!t.connect && !t.firstByte) return el("p", { class: "dim" }, `never connected · ended ${millis(t.total)}`);
  const part = (name, ms) => el("span", { class: name, "data-share": Math.max(ms, 0) });
  const bar = el("div", { class: "timing", "aria-hidden": "true" },
    part("connect", t.connect), part("wait", (t.firstByte || t.total) - t.connect), part("read", t.firstByte ? t.total - t.firstByte : 0));
  // Set by script, because the page's policy allows no style attributes.
  for (const span of bar.children) span.style.width = `${(100 * span.dataset.share) / (t.total || 1)}%`;
  const steps = [`connected after ${millis(t.connect)}`];
  if (t.firstByte) steps.push(`first byte ${millis(t.firstByte)}`);
  steps.push(`ended ${millis(t.total)}`);
  return el("div", {}, bar, el("p", { class: "dim" }, steps.join(" · ")));
}

function message(start, header, body, key) {
  const lines = Object.keys(header ?? {}).sort().flatMap((name) => header[name].map((value) => `${name}: ${value}`));
  const nodes = [el("pre", { tabindex: "0", "data-focus": `${key}-header` }, [start, ...lines].join("\n"))];
  if (!body) return el("div", {}, ...nodes, el("p", { class: "dim" }, "no body"));
  const formatted = pretty(body);
  nodes.push(el("pre", { tabindex: "0", "data-focus": `${key}-body` }, formatted));
  if (formatted !== body) {
    const bytes = new TextEncoder().encode(body).length;
    nodes.push(el("details", {}, el("summary", {}, `Exactly as it was, ${bytes} bytes`), el("pre", { class: "raw", tabindex: "0" }, body)));
  }
  return el("div", {}, ...nodes);
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
