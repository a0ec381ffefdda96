// Talking to the stand-in.
import { say } from "./dom.js";

/** Calls one of the stand-in's verbs; an answer that is an error throws its message. */
async function call(method, path, body, header = {}) {
  const options = { method, headers: { ...header } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  if (response.status === 204) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `${response.status} ${response.statusText}`);
  return answer;
}

export const own = (method, path, body) => call(method, `/_hookcheck${path}`, body);

/** moncreneau's own API; any key that begins with mk_ will do. */
export const api = (method, path, body) => call(method, `/api/v1${path}`, body, { "X-API-Key": "mk_dashboard" });

/** Runs what a button or a form starts: the button is off meanwhile, and an error is said. */
export async function run(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

/** Runs action when the form is sent. */
export function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(form.querySelector("[type=submit]"), () => action(new FormData(form), form));
  });
}
