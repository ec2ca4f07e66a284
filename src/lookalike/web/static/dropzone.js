// The ways a photo comes in: dropped anywhere, pasted, chosen from a file, taken with the camera.

import { byId } from "./dom.js";

/** Call back with each photo (a File or Blob) that the visitor brings. */
export function onPhoto(callback) {
  picker(byId("file"), [byId("dropzone"), byId("another")], callback);
  picker(byId("camera-file"), [byId("camera")], callback);
  dropping(callback);
  document.addEventListener("paste", (event) => {
    const photo = photoIn(event.clipboardData);
    if (!photo) return;
    event.preventDefault();
    callback(photo);
  });
}

function picker(input, buttons, callback) {
  for (const button of buttons) button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [photo] = input.files;
    if (photo) callback(photo);
    input.value = ""; // so that the same photo can be chosen again
  });
}

function dropping(callback) {
  const veil = byId("veil");
  let depth = 0; // enter and leave come once per element that the pointer crosses
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (visible) => {
    if (!visible) depth = 0;
    veil.hidden = !visible;
  };
  window.addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    show(true);
  });
  window.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) show(false);
  });
  window.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("drop", (event) => {
    show(false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    const photo = photoIn(event.dataTransfer);
    if (photo) callback(photo);
  });
}

/** The first photo of what was dropped or pasted; if there is none, the first file, for the server to judge. */
function photoIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}
