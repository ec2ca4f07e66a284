// What the page shows, kept in the address: back, forward, reload and shared links all work.
// A photo of the visitor's own stays in this tab: the address cannot hold it, so after a reload it is gone.

const NAMES = ["image", "like", "category", "min", "max", "product", "seed"];
const photos = new Map();
const listeners = [];

/** The state that the address and the history entry describe. */
export function current() {
  const address = new URLSearchParams(location.search);
  const state = Object.fromEntries(NAMES.map((name) => [name, address.get(name) ?? ""]));
  const key = history.state?.photo;
  return { ...state, photo: photos.has(key) ? key : "" };
}

/** Change some of it and show the result; `replace` leaves no entry to come back to, nor does what changes nothing. */
export function go(change, { replace = false } = {}) {
  const before = current();
  const next = { ...before, ...change };
  if (Object.keys(next).every((name) => next[name] === before[name])) return;
  const entry = { photo: next.photo || null, dialog: Boolean(change.product) };
  history[replace ? "replaceState" : "pushState"](entry, "", addressOf(next));
  tell("go");
}

/** Leave the product dialog: back to where it was opened, or, where it was opened by a link, just away from it. */
export function leaveProduct() {
  if (!current().product) return;
  if (history.state?.dialog) history.back();
  else go({ product: "" }, { replace: true });
}

/** The address of a state, relative to the page. */
export function addressOf(state) {
  const address = new URLSearchParams();
  for (const name of NAMES) if (state[name]) address.set(name, state[name]);
  const text = address.toString();
  return text ? `?${text}` : "./";
}

/** Keep a photo for this tab's history; gives the key that a state holds. */
export function remember(blob) {
  const key = `photo-${photos.size + 1}-${Date.now()}`;
  photos.set(key, { blob, url: URL.createObjectURL(blob) });
  return key;
}

export const recall = (key) => photos.get(key);

/** No photo, image or product is being asked by. */
export const isEmpty = (state) => !state.photo && !state.image && !state.like;

/** Call back with the state and why it changed: "go" or "back". */
export function onChange(listener) {
  listeners.push(listener);
}

function tell(why) {
  const state = current();
  for (const listener of listeners) listener(state, why);
}

window.addEventListener("popstate", () => tell("back"));
