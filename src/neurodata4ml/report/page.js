"use strict";
// What the page can do beyond being read: say a distance, follow one layer, sort a table. Without it all is there.
(() => {
const all = (what, where = document) => [...where.querySelectorAll(what)];
const make = (name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};
const shown = (value) => String(value).replace("-", "\u2212");

// Tables: a click on a heading sorts; what is missing stays last
const MISSING = /^(|\u2013|\u2014|-|nan|no p|(.* )?not available)$/i;
const tidy = (text) => text.replace(/[\u00a0\u2009\u202f]/g, " ").replace(/\u2212/g, "-").trim();
const numeric = (text) => {
  const found = /^(?:[<>\u2264\u2265=~]|p =)? ?([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)(?![\d.]|-\d)/i.exec(text);
  return found ? Number(found[1].replace(/,/g, "")) : NaN;
};
const words = new Intl.Collator("en", {numeric: true});
const sort = (table, column, heading) => {
  const down = heading.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({row, text: tidy(row.cells[column]?.textContent ?? "")}));
  const [known, missing] = [false, true].map((is) => rows.filter((one) => MISSING.test(one.text) === is));
  const numbers = known.every((one) => Number.isFinite(numeric(one.text)));
  const order = numbers ? (a, b) => numeric(a.text) - numeric(b.text) : (a, b) => words.compare(a.text, b.text);
  known.sort((a, b) => (down ? order(b, a) : order(a, b)));
  body.append(...known.concat(missing).map((one) => one.row));
  for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
};
for (const table of all("main table")) {
  if (table.tBodies[0].rows.length < 2 || table.tHead.rows[0].cells.length < 3) continue;
  all("thead th", table).forEach((heading, column) => {
    const button = make("button", {type: "button", class: "sort"}, heading.textContent);
    button.addEventListener("click", () => sort(table, column, heading));
    heading.replaceChildren(button);
  });
}

// Squares: the pair that is pointed at, in words, and marked in every square
const readings = all("script.distances").map((source) => {
  const figure = source.closest("figure");
  const data = JSON.parse(source.textContent);
  const n = data.stimuli.length;
  const squares = all(".square", figure);
  const line = make("p", {class: "reading"}, "Point at a square, or go to it with Tab and move with the arrow keys, to read two stimuli and their distance.");
  const loud = make("p", {class: "unseen", role: "status"});
  figure.querySelector(".squares").after(line, loud);
  let at = [0, 0];
  const value = (square, [row, column]) => {
    const [i, j] = row < column ? [row, column] : [column, row];
    const k = i * n - (i * (i + 1)) / 2 + j - i - 1;
    if (i === j) return "no distance to itself";
    if (data.ranks) {
      const rank = data.ranks[square].charCodeAt(k) - 65;
      const step = rank > 25 ? rank - 6 : rank;
      return step > 40 ? "not available" : `rank ${2.5 * step} %`;
    }
    if (!data.distances) return "its distance is in results.json";
    const distances = data.distances[square];
    if (distances[k] === null) return "not available";
    const known = distances.filter((other) => other !== null);
    const below = known.filter((other) => other < distances[k]).length;
    const level = known.filter((other) => other === distances[k]).length;
    return `distance ${shown(distances[k])}, rank ${Math.round((100 * (below + level / 2)) / known.length)} %`;
  };
  const move = (square, cell, aloud) => {
    at = cell.map((one) => Math.min(Math.max(one, 0), n - 1));
    const [row, column] = at;
    line.textContent = `${data.names[square]}: ${data.stimuli[row]} and ${data.stimuli[column]}: ${value(square, at)}.`;
    if (aloud) loud.textContent = line.textContent;
    const cross = `M0 ${row + 0.5}H${n}M${column + 0.5} 0V${n}M${column} ${row}h1v1h-1z`;
    squares.forEach((one) => all(".here", one).forEach((path) => path.setAttribute("d", cross)));
  };
  squares.forEach((square, which) => {
    const svg = square.querySelector("svg");
    for (const name of ["here under", "here"]) {
      const path = document.createElementNS(svg.namespaceURI, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    const box = make("div", {class: "cells", tabindex: "0", role: "application", "aria-label": `${data.names[which]}, ${n} by ${n} stimuli: arrow keys move from pair to pair`});
    svg.replaceWith(box);
    box.append(svg);
    const point = (event) => {
      const frame = svg.getBoundingClientRect();
      const part = (of, from, size) => Math.floor(((of - from) / size) * n);
      move(which, [part(event.clientY, frame.top, frame.height), part(event.clientX, frame.left, frame.width)]);
    };
    box.addEventListener("pointermove", point);
    box.addEventListener("pointerdown", point);
    box.addEventListener("focus", () => box.matches(":focus-visible") && move(which, at, true));
    box.addEventListener("keydown", (event) => {
      const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -n], End: [0, n]}[event.key];
      if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 : 1;
      move(which, [at[0] + far * step[0], at[1] + far * step[1]], true);
    });
  });
  return {data, squares, place: figure.querySelector(".squares")};
});

// One layer, followed through squares, figures and tables
const section = document.getElementById("similarity");
const first = section && section.querySelector("table");
const candidates = first ? [...first.tBodies[0].rows].map((row) => row.cells[0].textContent) : [];
const names = new Set(candidates);
for (const {data} of readings) data.names.forEach((name, i) => data.kinds[i] !== "brain" && names.add(name));
const choices = [];
const choose = (name) => {
  for (const choice of choices) choice.value = name;
  for (const {data, squares, place} of readings) {
    const here = data.names.includes(name);
    squares.forEach((square, i) => square.classList.toggle("away", here && data.kinds[i] !== "brain" && data.names[i] !== name));
    place.classList.toggle("few", here);
  }
  for (const row of all("#similarity tbody tr")) row.classList.toggle("chosen", name !== "" && row.cells[0].textContent === name);
  for (const band of all("#similarity [data-row]")) band.classList.toggle("chosen", name !== "" && candidates[band.dataset.row] === name);
};
const offer = (before) => {
  if (!before || names.size < 2) return;
  const label = make("label", {class: "choice"}, "Follow one layer: ");
  const choice = make("select");
  choice.append(make("option", {value: ""}, "all"), ...[...names].map((name) => make("option", {value: name}, name)));
  choice.addEventListener("change", () => choose(choice.value));
  choices.push(choice);
  label.append(choice);
  before.before(label);
};
readings.forEach(({place}) => offer(place));
offer(section && section.querySelector("figure"));

// What overflows shows that there is more, and only that is a stop for the Tab key
const stops = () => all(".scroll").forEach((box) => {
  const more = box.scrollWidth > box.clientWidth + 1;
  box.classList.toggle("more", more);
  box.tabIndex = more ? 0 : -1;
});
addEventListener("resize", stops);
stops();
})();
