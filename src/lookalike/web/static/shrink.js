// Photos from a phone weigh several megabytes, of which the search uses a few hundred pixels a side: make them smaller
// before they travel. Whatever cannot be made smaller is sent as it is, and the server says what it thinks of it.

const HEAVY_BYTES = 1_500_000;
const MAX_SIDE_PX = 1600;
const KNOWN = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/** Give a photo that is light enough to send: the same one, or a smaller JPEG of it. */
export async function shrink(file) {
  if (file.size <= HEAVY_BYTES && KNOWN.includes(file.type)) return file;
  if (!file.type.startsWith("image/")) return file;
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // what the server lays under transparency, too
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const smaller = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    return smaller && (smaller.size < file.size || !KNOWN.includes(file.type)) ? smaller : file;
  } catch {
    return file;
  }
}
