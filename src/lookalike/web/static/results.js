// The grid: products of the catalogue or of a search, and what stands there while loading, when empty, after an error.

import { imageUrl } from "./api.js";
import { announce, byId, icon, make, photo } from "./dom.js";
import * as format from "./format.js";
import { addressOf } from "./state.js";

const grid = byId("grid");
const notice = byId("notice");
const EAGER = 8; // photos that are in view when the page opens

/** Show that something is on its way. */
export function showLoading(heading) {
  setHeading(heading, "");
  notice.hidden = true;
  grid.setAttribute("aria-busy", "true");
  grid.replaceChildren(...Array.from({ length: 12 }, () => make("li", { class: "card ghost" }, make("span", { class: "frame" }))));
  announce("Searching");
}

/** Show items in the grid; `handlers` = {search(item), details(item)}. */
export function showItems(heading, items, handlers) {
  const isSearch = items.some((item) => item.score !== undefined);
  const number = `${format.count(items.length)} ${items.length === 1 ? "product" : "products"}`;
  setHeading(heading, isSearch ? number : ""); // a sample of the catalogue is not all there is
  notice.hidden = true;
  grid.setAttribute("aria-busy", "false");
  grid.replaceChildren(...items.map((item, place) => card(item, place, handlers)));
  announce(`${heading}: ${number}`);
}

/** Add what came after the items that are already there, and leave those alone; gives the first new card. */
export function appendItems(heading, items, handlers) {
  const before = grid.children.length;
  const added = items.slice(before).map((item, place) => card(item, before + place, handlers));
  grid.append(...added);
  setHeading(heading, `${format.count(items.length)} products`);
  announce(`${added.length} more products`);
  return added[0];
}

/** Say that nothing was found, or what went wrong, and offer a way on. */
export function showNotice({ heading, sign, title, text, ways }) {
  setHeading(heading, "");
  grid.setAttribute("aria-busy", "false");
  grid.replaceChildren();
  const buttons = ways.map(([label, act]) => make("button", { type: "button", class: "button", onclick: act }, label));
  notice.replaceChildren(
    icon(sign, "big"),
    make("p", { class: "notice-title" }, title),
    make("p", { class: "notice-text" }, text),
    make("div", { class: "notice-ways" }, ...buttons),
  );
  notice.hidden = false;
  announce(`${title}. ${text}`);
}

/** Move a keyboard user to the top of what has just come. */
export function focusHeading() {
  byId("results-title").focus({ preventScroll: true });
}

function setHeading(heading, count) {
  byId("results-title").textContent = heading;
  byId("count").textContent = count;
}

function card(item, place, handlers) {
  const name = format.title(item);
  const href = addressOf({ image: item.image_id });
  const search = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab, as with any link
    event.preventDefault();
    handlers.search(item);
  };
  const price = format.price(item.price, item.currency);
  const category = item.name ? format.shortCategory(item.category) : format.parts(item.category).slice(0, -1).join(" › ");
  const main = make(
    "a",
    { class: "card-main", href, onclick: search, title: "Find what looks like this" },
    make("span", { class: "frame" }, photo(imageUrl(item.image_id, "thumb"), { lazy: place >= EAGER })),
    make("span", { class: "only-heard" }, "Find what looks like "),
    make("span", { class: "card-name" }, name),
    make("span", { class: "card-line" }, price ? make("span", { class: "card-price" }, price) : null, scoreOf(item)),
    category ? make("span", { class: "card-category", title: item.category }, category) : null,
  );
  const label = `Details of ${name}`;
  const details = { type: "button", class: "card-details", title: "Details", "aria-label": label };
  const open = make("button", { ...details, onclick: () => handlers.details(item) }, icon("details"));
  return make("li", { class: "card", "data-image": item.image_id }, main, open);
}

function scoreOf(item) {
  if (item.score === undefined) return null;
  const bar = make("span", { class: "score-bar", "aria-hidden": "true" });
  bar.style.setProperty("--score", String(Math.max(0, Math.min(1, item.score))));
  const text = make("span", { class: "score-number" }, format.score(item.score));
  const heard = make("span", { class: "only-heard" }, "similarity score ");
  return make("span", { class: "score", title: "Similarity score; 1 is the same photo" }, bar, heard, text);
}
