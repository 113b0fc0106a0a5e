"use strict";

function compare(one, other) {
  const [first, second] = [Number(one), Number(other)];
  return Number.isNaN(first) || Number.isNaN(second) ? one.localeCompare(other, undefined, { numeric: true }) : first - second;
}

function sortBy(header, column, body) {
  const descending = header.getAttribute("aria-sort") !== "descending";
  for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const sign = descending ? -1 : 1;
  const value = (row) => row.cells[column].dataset.value;
  body.append(...[...body.rows].sort((one, other) => sign * compare(value(one), value(other))));
}

for (const part of document.querySelectorAll(".samples")) {
  const body = part.querySelector("tbody");
  part.querySelectorAll("thead th").forEach((header, column) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(header, column, body));
  });
  const chosen = part.querySelector("select");
  const show = () => {
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = chosen.value !== "" && row.dataset.group !== chosen.value;
      shown += row.hidden ? 0 : 1;
    }
    part.querySelector("output").textContent = `${shown} of ${part.dataset.total} rows`;
  };
  chosen.addEventListener("change", show);
  show(); // a browser that goes back keeps what was chosen
}
