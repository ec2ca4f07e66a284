// Making elements. All text goes in as text, never as markup: names and descriptions are strangers' words.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Make an element: properties by name (`class`, `aria-…` and `data-…` as attributes), then children or texts. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** One of the icons drawn in index.html. */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A catalogue photo that keeps its place while it loads, and says so quietly where it cannot be shown. */
export function photo(src, { alt = "", size = 320, lazy = true } = {}) {
  const image = make("img", { alt, width: size, height: size, decoding: "async" });
  if (lazy) image.loading = "lazy"; // before src, or it would load at once
  image.addEventListener("error", () => {
    const missing = make("span", { class: "no-photo" }, icon("photo", "big"), make("span", {}, "No photo"));
    image.replaceWith(missing);
  });
  image.src = src;
  return image;
}

/** Tell a screen reader. */
export function announce(text) {
  byId("live").textContent = text;
}
