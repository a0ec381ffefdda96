// Building the page. Text only ever becomes text: nothing here parses HTML, so
// whatever an endpoint answers is shown and never run.

/** Makes an element: el("button", {class: "main", onclick: f}, "Send", child). */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Replaces what is in container and leaves the focus on what looks the same:
 * the element with the same data-focus. */
export function fill(container, nodes) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  container.replaceChildren(...nodes);
  if (focused) container.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** The rows of a definition list. */
export function facts(pairs) {
  return pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
}

/** A small label with a meaning: good, bad, busy or plain. */
export const chip = (text, kind = "plain") => el("span", { class: `chip ${kind}` }, text);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });

/** A time as people read it: the day only when it is not today. */
export function when(iso) {
  const date = new Date(iso);
  const format = date.toDateString() === new Date().toDateString() ? clock : day;
  return el("time", { datetime: iso, title: iso }, format.format(date));
}

/** Milliseconds as people read them. */
export function millis(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

let hiding;

/** Says something for a few seconds. */
export function say(text, isError = false) {
  const message = byId("message");
  message.textContent = text;
  message.classList.toggle("error", isError);
  message.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => message.classList.remove("shown"), isError ? 9000 : 4000);
}
