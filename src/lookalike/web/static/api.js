// The server's routes. Addresses are relative, so that the page works behind any prefix.

/** What the server said went wrong, or that it could not be reached. */
export class ApiError extends Error {
  constructor({ status = 0, code = "unreachable", message, mend }) {
    super(message);
    this.status = status;
    this.code = code;
    this.mend = mend;
  }
}

const segment = encodeURIComponent;

export const imageUrl = (id, size) => `v1/images/${segment(id)}?size=${size}`;

export const info = (signal) => ask("v1/info", { signal });

export const categories = (signal) => ask("v1/categories", { signal });

export const product = (id, signal) => ask(`v1/products/${segment(id)}`, { signal });

export const browse = (options, signal) => ask(`v1/products?${query(options)}`, { signal });

export const similarToImage = (id, options, signal) => ask(`v1/images/${segment(id)}/similar?${query(options)}`, { signal });

export const similarToProduct = (id, options, signal) =>
  ask(`v1/products/${segment(id)}/similar?${query(options)}`, { signal });

export const search = (photo, options, signal) =>
  ask(`v1/search?${query(options)}`, { signal, method: "POST", body: form(photo) });

export const classify = (photo, top, signal) =>
  ask(`v1/classify?${query({ top })}`, { signal, method: "POST", body: form(photo) });

function query(options) {
  const set = Object.entries(options).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return new URLSearchParams(set).toString();
}

function form(photo) {
  const data = new FormData();
  data.append("photo", photo, "photo");
  return data;
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ message: "the server cannot be reached", mend: "Check that it is running, then try again" });
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const fallback = { status: response.status, code: "http_error", message: `the server answered ${response.status}` };
  throw new ApiError(body?.error ?? fallback);
}
