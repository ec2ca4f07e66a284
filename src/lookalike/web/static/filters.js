// Category and price.

import * as api from "./api.js";
import { announce, byId, make } from "./dom.js";
import { count } from "./format.js";

const select = byId("category");
const low = byId("min-price");
const high = byId("max-price");

/** Call back with `{category, min, max}` whenever the visitor changes the filter. */
export function onFilter(callback) {
  const send = () => {
    if (isUpsideDown()) return;
    callback({ category: select.value, min: low.value, max: high.value });
  };
  select.addEventListener("change", send);
  low.addEventListener("change", send);
  high.addEventListener("change", send);
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("clear-filters").addEventListener("click", () => {
    callback({ category: "", min: "", max: "" });
    select.focus();
  });
  byId("filters-toggle").addEventListener("click", () => open(!byId("filters").classList.contains("open")));
}

/** Fill the category list; without categories there is nothing to choose from. */
export async function loadCategories() {
  const { categories } = await api.categories();
  select.closest(".field").hidden = categories.length === 0;
  for (const node of categories) {
    const indent = "\u2003".repeat(node.depth);
    select.append(make("option", { value: node.category }, `${indent}${node.name} (${count(node.products)})`));
  }
}

/** Show the filter of a state. */
export function showFilters(state) {
  if (state.category && ![...select.options].some((option) => option.value === state.category)) {
    select.append(make("option", { value: state.category }, state.category)); // the list is still on its way
  }
  select.value = state.category;
  low.value = state.min;
  high.value = state.max;
  const active = [state.category, state.min, state.max].filter(Boolean).length;
  byId("clear-filters").hidden = active === 0;
  byId("filters-toggle").lastChild.textContent = active ? `Filter (${active})` : "Filter";
  isUpsideDown();
}

function open(visible) {
  byId("filters").classList.toggle("open", visible);
  byId("filters-toggle").setAttribute("aria-expanded", String(visible));
}

function isUpsideDown() {
  const wrong = low.value !== "" && high.value !== "" && Number(low.value) > Number(high.value);
  for (const input of [low, high]) input.toggleAttribute("aria-invalid", wrong);
  if (wrong) announce("The lowest price is above the highest");
  return wrong;
}
