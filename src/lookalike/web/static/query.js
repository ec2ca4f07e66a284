// What is being asked by: the photo, what it is of, and what the classifier takes it for.

import * as api from "./api.js";
import { byId, make } from "./dom.js";
import * as format from "./format.js";
import { recall } from "./state.js";

const UNSURE = 0.02; // guesses below this say nothing

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
  const image = byId("asked-image");
  image.hidden = Boolean(state.like);
  if (state.photo) image.src = recall(state.photo).url;
  else if (state.image) image.src = api.imageUrl(state.image, "thumb");
}

/** Show which product of the catalogue is asked by. */
export function showSubject(item) {
  const image = byId("asked-image");
  const source = api.imageUrl(item.image_id, "thumb");
  if (image.hidden) image.src = source;
  image.hidden = false;
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
        make("span", { class: "guess-name" }, format.shortCategory(guess.label)),
        make("span", { class: "guess-number" }, format.percent(guess.probability)),
      );
      button.style.setProperty("--score", String(guess.probability));
      button.addEventListener("click", () => choose(pressed ? "" : guess.label));
      return make("li", {}, button);
    }),
  );
  byId("guesses").hidden = likely.length === 0;
}
