// Ties the parts together: a change of state asks the server and shows the answer.

import * as api from "./api.js";
import { hideProduct, showProduct, watchDialog } from "./dialog.js";
import { byId } from "./dom.js";
import { onPhoto } from "./dropzone.js";
import { loadCategories, onFilter, showFilters } from "./filters.js";
import { count } from "./format.js";
import { showAsked, showGuesses, showInvitation, showSubject } from "./query.js";
import { appendItems, focusHeading, showItems, showLoading, showNotice } from "./results.js";
import { shrink } from "./shrink.js";
import { current, go, isEmpty, onChange, recall, remember } from "./state.js";

const PAGE = 24;
const GUESSES = 3;
const CLEAR = { photo: "", image: "", like: "", product: "", seed: "" };

const facts = api.info().catch(() => null);
let asking = new AbortController();
let shownQuery = null;
let guesses = { photo: "", labels: [] };
let maxResults = 200;

const handlers = {
  search: (item) => go({ ...CLEAR, image: item.image_id }),
  details: (item) => go({ product: item.product_id }),
  image: (id) => go({ ...CLEAR, image: id }),
  product: (id) => go({ ...CLEAR, like: id }),
};

/** Show a state: the dialog if only that changed, else the query and its results. */
function show(state, why) {
  if (state.product) showProduct(state.product, handlers);
  else hideProduct();
  const { product: _, ...query } = state;
  const text = JSON.stringify(query);
  if (text === shownQuery) return;
  shownQuery = text;
  showFilters(state);
  if (isEmpty(state)) showInvitation();
  else showAsked(state);
  if (why === "go" && !isEmpty(state)) {
    window.scrollTo({ top: 0 });
    focusHeading();
  }
  guess(state);
  run(state, PAGE);
}

/** Ask the server for a state's products and show them; `k` grows when more are wanted. */
async function run(state, k) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const heading = isEmpty(state) ? "From the catalogue" : "Most alike";
  const isMore = k > PAGE;
  byId("more").hidden = true;
  if (!isMore) showLoading(heading);
  try {
    const answer = await ask(state, Math.min(k, maxResults), signal);
    const items = answer.results ?? answer.products;
    if (answer.query) showSubject(answer.query);
    if (items.length === 0) return showNothing(state, heading);
    if (isMore) appendItems(heading, items, handlers)?.querySelector("a").focus({ preventScroll: true });
    else showItems(heading, items, handlers);
    offerMore(state, k, items.length);
  } catch (error) {
    if (error.name !== "AbortError") showError(state, heading, error);
  }
}

function ask(state, k, signal) {
  const filter = { category: state.category, min_price: state.min, max_price: state.max };
  if (state.photo) return api.search(recall(state.photo).blob, { ...filter, k }, signal);
  if (state.image) return api.similarToImage(state.image, { ...filter, k }, signal);
  if (state.like) return api.similarToProduct(state.like, { ...filter, k }, signal);
  return api.browse({ ...filter, limit: PAGE, seed: state.seed }, signal);
}

function offerMore(state, k, found) {
  const more = byId("more");
  more.textContent = isEmpty(state) ? "Show others" : "Show more";
  more.hidden = found < k || (!isEmpty(state) && k >= maxResults);
  more.onclick = isEmpty(state) ? () => go({ seed: String(Number(state.seed || 0) + 1) }) : () => run(state, k + PAGE);
}

function showNothing(state, heading) {
  const filtered = state.category || state.min || state.max;
  const clear = ["Clear filter", () => go({ category: "", min: "", max: "" })];
  showNotice({
    heading,
    sign: "nothing",
    title: "Nothing here",
    text: filtered ? "No product passes this filter." : "The catalogue has no products to show.",
    ways: filtered ? [clear] : [],
  });
}

function showError(state, heading, error) {
  const again = ["Try again", () => run(state, PAGE)];
  const other = ["Another photo", () => byId("file").click()];
  const mend = error.mend ? `${error.mend}.` : "";
  const title = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}`;
  showNotice({ heading, sign: "oops", title, text: mend, ways: error.status >= 400 && state.photo ? [other] : [again] });
}

/** Ask what the visitor's photo is of. Where the collection knows no labels or the photo is none, say nothing. */
async function guess(state) {
  const choose = (category) => go({ category });
  if (!state.photo) return;
  if ((await facts)?.head.labels === 0) return; // without facts, asking is the way to know
  if (guesses.photo !== state.photo) {
    try {
      const { labels } = await api.classify(recall(state.photo).blob, GUESSES);
      guesses = { photo: state.photo, labels };
    } catch {
      guesses = { photo: state.photo, labels: [] };
    }
  }
  const now = current();
  if (now.photo === state.photo) showGuesses(guesses.labels, now.category, choose);
}

function clearQuery() {
  go(CLEAR);
  byId("dropzone").focus();
}

async function tellFacts() {
  const known = await facts;
  if (known === null) return;
  maxResults = known.max_results;
  byId("facts").textContent = `${count(known.images)} photos`;
}

onPhoto(async (file) => go({ ...CLEAR, photo: remember(await shrink(file)) }));
onFilter((filter) => go(filter));
onChange(show);
watchDialog();
byId("clear").addEventListener("click", clearQuery);
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  go({ ...CLEAR, category: "", min: "", max: "" });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("product").open && !isEmpty(current())) clearQuery();
});
show(current(), "load");
await Promise.allSettled([loadCategories().then(() => showFilters(current())), tellFacts()]);
