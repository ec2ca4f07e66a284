// Sorts tables by a column's head, and shows a photo where the map is pointed at. Without it, everything still reads.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentElement.children].indexOf(head);
    const up = head.getAttribute("aria-sort") === "descending";
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.children[column].dataset.v ?? row.children[column].textContent;
    const rows = [...body.rows].sort((a, b) => {
      const x = key(a), y = key(b), numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
      return numbers ? x - y : (x === "") - (y === "") || x.localeCompare(y);
    });
    body.append(...(up ? rows : rows.reverse()));
  });
}
const map = document.querySelector("svg.map"), peek = document.getElementById("peek");
if (map && peek) {
  const thumbnails = JSON.parse(document.getElementById("thumbnails").textContent);
  const show = event => {
    const image = event.target.dataset?.i && thumbnails[event.target.dataset.i];
    if (!image) { peek.style.display = "none"; return; }
    const box = map.parentElement.getBoundingClientRect(), at = event.target.getBoundingClientRect();
    peek.src = image;
    peek.style.left = Math.min(at.right - box.left + 6, box.width - 64) + "px";
    peek.style.top = at.top - box.top - 28 + "px";
    peek.style.display = "block";
  };
  map.addEventListener("mouseover", show);
  map.addEventListener("focusin", show);
  map.addEventListener("mouseleave", () => { peek.style.display = "none"; });
}
