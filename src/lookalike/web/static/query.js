// What is being asked by: the photo, what it is of, and what the classifier takes it for.

import * as api from "./api.js";
import { byId, make, photo } from "./dom.js";
import * as format from "./format.js";
import { recall } from "./state.js";

const UNSURE = 0.05; // guesses below this say nothing

/** Show the invitation to bring a photo. */
export function showInvitation() {
  byId("hero").hidden = false;
  byId("asked").hidden = true;
}

/** Show the photo that is asked by; its name and category come later, with the answer. */
export function showAsked(state) {
  byId("hero").hidden = true;
  byId("asked").hidden = false;
  byId("guesses").hidden = true;
  byId("asked-what").textContent = state.photo ? "Your photo" : state.like ? "More like this product" : "More like this photo";
  byId("asked-name").textContent = "";
  if (state.photo) showPhoto(recall(state.photo).url);
  else if (state.image) showPhoto(api.imageUrl(state.image, "thumb"));
  else byId("asked-photo").replaceChildren();
}

function showPhoto(source) {
  byId("asked-photo").replaceChildren(photo(source, { alt: "What you search by", size: 176, lazy: false }));
}

/** Show which product of the catalogue is asked by. */
export function showSubject(item) {
  if (!byId("asked-photo").hasChildNodes()) showPhoto(api.imageUrl(item.image_id, "thumb"));
  byId("asked-name").textContent = [format.title(item), format.price(item.price, item.currency)].filter(Boolean).join(" · ");
}

/** Show what the classifier takes the photo for; a guess is an offer to filter, never a filter by itself. */
export function showGuesses(labels, active, choose) {
  const likely = labels.filter((guess, place) => place === 0 || guess.probability >= UNSURE);
  byId("guesses-list").replaceChildren(
    ...likely.map((guess) => {
      const pressed = guess.label === active;
      const button = make(
        "button",
        { type: "button", class: "guess", title: `Only ${guess.label}`, "aria-pressed": String(pressed) },
        nameOf(guess.label),
        make("span", { class: "guess-number" }, format.percent(guess.probability)),
      );
      button.style.setProperty("--score", String(guess.probability));
      button.addEventListener("click", () => choose(pressed ? "" : guess.label));
      return make("li", {}, button);
    }),
  );
  byId("guesses").hidden = likely.length === 0;
}

function nameOf(label) {
  const above = format.parts(label).slice(-2, -1).map((part) => make("span", { class: "guess-above" }, `${part} › `));
  return make("span", { class: "guess-name" }, ...above, make("span", { class: "guess-last" }, format.parts(label).at(-1)));
}
