// Narrows the report to the results with the given verdicts and words. The page is complete without it: the controls are
// hidden until they work. A result is an element with data-verdict, the keys of its verdicts; one with data-of repeats the
// result of that id and is not counted. What has data-group goes when none of its results is left, and the text of the
// data-about in it is searched with each of them.
(() => {
  "use strict";
  const bar = document.getElementById("find");
  const field = document.getElementById("find-text");
  const count = document.getElementById("find-count");
  const all = document.getElementById("find-all");
  const rows = [...document.querySelectorAll("[data-verdict]")];
  const results = rows.filter((row) => !row.dataset.of);
  const groups = [...document.querySelectorAll("main > section, [data-group]")];
  const links = [...document.querySelectorAll("nav a")];
  const opened = new Set(); // folds that were closed before the search
  const texts = new Map();
  const verdictsOf = (row) => row.dataset.verdict.split(" ");

  const boxes = [...bar.querySelectorAll("input[type=checkbox]")].filter((box) => {
    const n = results.filter((row) => verdictsOf(row).includes(box.value)).length;
    box.parentElement.hidden = n === 0;
    box.parentElement.querySelector(".n").textContent = n;
    return n > 0;
  });

  const textOf = (element, make) => {
    if (!texts.has(element)) texts.set(element, make().toLowerCase());
    return texts.get(element);
  };
  const aboutOf = (element) => {
    const group = element.closest("[data-group]");
    if (!group) return "";
    return textOf(group, () => (group.querySelector("[data-about]")?.textContent ?? "") + aboutOf(group.parentElement));
  };
  const has = (row, word) =>
    textOf(row, () => (row.dataset.of ? document.getElementById(row.dataset.of) : row).textContent).includes(word) || aboutOf(row).includes(word);

  const fold = (active) => {
    for (const details of opened) details.open = false;
    opened.clear();
    if (!active) return;
    for (const details of document.querySelectorAll("details[data-group]:not([hidden], [open])")) {
      details.open = true;
      opened.add(details);
    }
  };

  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = boxes.filter((box) => box.checked).map((box) => box.value);
    const active = words.length + wanted.length > 0;
    for (const row of rows) {
      const judged = wanted.length === 0 || verdictsOf(row).some((v) => wanted.includes(v));
      row.hidden = !(judged && words.every((word) => has(row, word)));
    }
    for (const group of groups) {
      group.hidden = active && !group.querySelector("[data-verdict]:not([hidden])");
    }
    for (const link of links) {
      link.parentElement.hidden = document.getElementById(link.hash.slice(1)).closest("[hidden]") !== null;
    }
    fold(active);
    all.hidden = !active;
    bar.classList.toggle("active", active);
    const left = results.filter((row) => !row.hidden).length;
    count.textContent = active ? `${left} of ${results.length} results` : `${results.length} results`;
  };

  const clear = () => {
    field.value = "";
    for (const box of boxes) box.checked = false;
    apply();
  };

  // Shows what a link leads to, although it is filtered out or folded away.
  const reveal = (hash) => {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) return;
    if (target.closest("[hidden]")) clear();
    for (let d = target.closest("details"); d; d = d.parentElement.closest("details")) {
      d.open = true;
      opened.delete(d);
    }
  };

  const enter = () => {
    const first = results.find((row) => !row.hidden && row.getClientRects().length > 0);
    const to = first?.querySelector(":scope > details > summary, :scope > th > a") ?? first;
    if (!to) return;
    if (to === first) to.tabIndex = -1;
    to.focus();
  };

  let waiting = 0; // so that not every letter is announced
  bar.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  });
  bar.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      clear();
      field.focus();
    } else if (event.key === "Enter" && event.target === field) {
      clearTimeout(waiting);
      apply();
      enter();
    }
  });
  all.addEventListener("click", () => {
    clear();
    field.focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) reveal(link.hash);
  });

  if (results.length > 1) {
    bar.hidden = false;
    document.documentElement.classList.add("searchable");
    apply();
  }
  reveal(location.hash);
})();
