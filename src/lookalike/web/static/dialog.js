// One product: all its photos, its facts, and ways to search on from it.

import * as api from "./api.js";
import { announce, byId, icon, make, photo } from "./dom.js";
import * as format from "./format.js";
import { leaveProduct } from "./state.js";

const dialog = byId("product");
let shown = "";

/** Open the dialog on a product; `handlers` = {image(id), product(id)} search on. */
export async function showProduct(id, handlers) {
  if (shown === id) return;
  shown = id;
  dialog.replaceChildren(closeButton(), make("p", { class: "product-wait" }, "Loading…"));
  if (!dialog.open) dialog.showModal();
  try {
    const product = await api.product(id);
    if (shown === id) fill(product, handlers);
  } catch (error) {
    if (shown !== id) return;
    const said = make("p", { class: "notice-title", id: "product-name" }, `${error.message}.`);
    dialog.replaceChildren(closeButton(), make("div", { class: "product-wait" }, icon("oops", "big"), said));
    announce(error.message);
  }
}

/** Close the dialog where it is open; the browser gives the focus back to what opened it. */
export function hideProduct() {
  shown = "";
  if (dialog.open) dialog.close();
}

/** Let Escape, the cross and a click beside the dialog lead away from it. */
export function watchDialog() {
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leaveProduct();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) leaveProduct();
  });
}

function fill(product, handlers) {
  const name = format.title(product);
  const stage = make("div", { class: "product-stage" });
  let current = product.images[0]?.image_id ?? "";
  const show = (id, place) => {
    current = id;
    const alt = `${name}, photo ${place + 1} of ${product.images.length}`;
    stage.replaceChildren(photo(api.imageUrl(id, "full"), { alt, size: 640, lazy: false }));
    for (const [index, button] of [...strip.children].entries()) button.setAttribute("aria-pressed", String(index === place));
  };
  const strip = make("div", { class: "product-strip", role: "group", "aria-label": "Photos" });
  strip.hidden = product.images.length < 2;
  strip.append(
    ...product.images.map((image, place) =>
      make(
        "button",
        { type: "button", "aria-label": `Photo ${place + 1}`, onclick: () => show(image.image_id, place) },
        photo(api.imageUrl(image.image_id, "thumb"), { size: 72, lazy: false }),
      ),
    ),
  );
  const facts = [product.location].filter(Boolean).join(" · ");
  const several = product.images.length > 1;
  const words = make(
    "div",
    { class: "product-words" },
    make("p", { class: "product-category" }, format.parts(product.category).join(" › ")),
    make("h2", { id: "product-name" }, name),
    make("p", { class: "product-price" }, format.price(product.price, product.currency)),
    facts ? make("p", { class: "product-facts" }, facts) : null,
    make(
      "div",
      { class: "product-ways" },
      make("button", { type: "button", class: "button main", onclick: () => handlers.product(product.product_id) }, "More like this"),
      several ? make("button", { type: "button", class: "button", onclick: () => handlers.image(current) }, "More like this photo") : null,
    ),
    make("p", { class: "product-description" }, product.description),
  );
  dialog.replaceChildren(closeButton(), make("div", { class: "product-photos" }, stage, strip), words);
  if (current) show(current, 0);
  announce(`${name}, ${product.images.length} ${several ? "photos" : "photo"}`);
}

function closeButton() {
  const properties = { type: "button", class: "product-close", "aria-label": "Close", onclick: leaveProduct };
  return make("button", properties, icon("close"));
}
