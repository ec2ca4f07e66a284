// Sorts tables by a column's head, and shows a photo where the map is pointed at. Without it, everything still reads.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentElement.children].indexOf(head);
    const up = head.getAttribute("aria-sort") === "descending";
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.children[column].textContent, number = text => parseFloat(text.replaceAll(",", ""));
    const rows = [...body.rows].sort((a, b) => {
      const x = key(a), y = key(b), numbers = !isNaN(number(x)) && !isNaN(number(y));
      return numbers ? number(x) - number(y) : (y === "–") - (x === "–") || x.localeCompare(y);
    });
    body.append(...(up ? rows : rows.reverse()));
  });
}
const map = document.querySelector("svg.map"), peek = document.getElementById("peek");
if (map && peek) {
  const thumbnails = JSON.parse(document.getElementById("thumbnails").textContent);
  const dots = [...map.querySelectorAll("circle")], near = 24;
  let shown = -1;
  const show = at => {
    if (dots[shown]) dots[shown].classList.remove("shown");
    shown = at;
    peek.hidden = at < 0;
    if (at < 0) return;
    const [image, caption] = thumbnails[at], box = map.parentElement.getBoundingClientRect();
    const dot = dots[at].getBoundingClientRect();
    dots[at].classList.add("shown");
    const picture = peek.querySelector("img");
    picture.hidden = !image;
    if (image) picture.src = image;
    peek.querySelector("figcaption").textContent = picture.alt = caption;
    peek.style.left = Math.max(0, Math.min(dot.right - box.left + 6, box.width - peek.offsetWidth)) + "px";
    peek.style.top = Math.max(0, Math.min(dot.top - box.top - 28, box.height - peek.offsetHeight)) + "px";
  };
  const point = event => {
    let best = -1, least = near * near;
    dots.forEach((dot, at) => {
      const box = dot.getBoundingClientRect();
      const far = (box.x + box.width / 2 - event.clientX) ** 2 + (box.y + box.height / 2 - event.clientY) ** 2;
      if (far < least) [best, least] = [at, far];
    });
    show(best);
  };
  map.addEventListener("pointermove", point);
  map.addEventListener("pointerdown", point);
  map.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") show(-1); });
  map.addEventListener("blur", () => show(-1));
  map.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(-1);
    if (!step) return;
    event.preventDefault();
    show((Math.max(shown, step > 0 ? -1 : 0) + step + dots.length) % dots.length);
  });
  window.addEventListener("beforeprint", () => show(-1));
}
