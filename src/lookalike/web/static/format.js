// Prices, categories and scores, as people read them.

/** "1250.00", "GBP" → "£1,250"; without a currency the bare number; null → "". */
export function price(amount, currency) {
  if (amount === null || amount === undefined) return "";
  const value = Number(amount);
  const digits = Number.isInteger(value) ? 0 : 2;
  const plain = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  try {
    const style = currency ? { style: "currency", currency } : {};
    return new Intl.NumberFormat(undefined, { ...plain, ...style }).format(value);
  } catch {
    return `${new Intl.NumberFormat(undefined, plain).format(value)} ${currency}`; // no ISO 4217 code
  }
}

/** The parts of a category path. */
export const parts = (category) => (category ? category.split(" / ") : []);

/** The last two parts of a category path; the last alone is often just "Other". */
export const shortCategory = (category) => parts(category).slice(-2).join(" › ");

/** What to call a product that may have no name. */
export const title = (item) => item.name || parts(item.category).at(-1) || "No name";

/** Cosine similarity, two digits. */
export const score = (value) => value.toFixed(2);

/** 0.874 → "87 %". */
export const percent = (value) => new Intl.NumberFormat(undefined, { style: "percent" }).format(value);

export const count = (number) => new Intl.NumberFormat().format(number);
