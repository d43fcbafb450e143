"use strict";

/* What pages with samples share: the block of data, text with mathematics in it, and a browser of samples. Texts come as
   pieces, strings and numbers of formulas (gpg_cli/page/rich_text.py), and become text nodes and MathML elements one by
   one: nothing of the data is ever parsed as HTML. */
const samplesPage = (() => {
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const PAGE = 50;
  const FOLDED_FROM = 3000; // characters
  const SNIPPET = 160; // characters
  // Direction marks, line separators, halves of surrogate pairs and other controls act where they stand, or are not seen;
  // shown by their number they are harmless.
  const CONTROLS = /([\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Surrogate}])/u;

  const find = (selector) => [...document.querySelectorAll(selector)];
  const unpacked = unpack(document.getElementById("data").textContent);
  unpacked.catch(() => {}); // whoever awaits it says so

  async function unpack(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  /* Elements and text */

  function make(tag, name, ...content) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...content);
    return element;
  }

  function text(string) {
    const fragment = document.createDocumentFragment();
    string.split(CONTROLS).forEach((part, place) => {
      if (place % 2 === 0) fragment.append(part);
      else fragment.append(make("span", "control", `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`));
    });
    return fragment;
  }

  function mathematics([tag, ...rest]) {
    const element = document.createElementNS(MATHML, tag);
    for (const part of rest) {
      if (typeof part === "string") element.append(text(part));
      else if (Array.isArray(part)) element.append(mathematics(part));
      else for (const [name, value] of Object.entries(part)) element.setAttribute(name, value);
    }
    return element;
  }

  /* Texts of the data, as elements */

  function writer(data) {
    function formula(number) {
      const [source, tree] = data.formulas[number];
      const element = mathematics(tree);
      element.setAttribute("title", source);
      return element;
    }

    function rich(pieces) {
      const fragment = document.createDocumentFragment();
      const isBlock = (piece) => typeof piece === "number" && data.formulas[piece][1][1].display === "block";
      pieces.forEach((piece, place) => {
        if (typeof piece === "number") {
          fragment.append(formula(piece));
          return;
        }
        // A formula on a line of its own has its distance already.
        if (isBlock(pieces[place - 1])) piece = piece.replace(/^\s*\n/, "");
        if (isBlock(pieces[place + 1])) piece = piece.replace(/\n\s*$/, "");
        fragment.append(text(piece));
      });
      return fragment;
    }

    function snippet(pieces) {
      const fragment = document.createDocumentFragment();
      let left = SNIPPET;
      for (const piece of pieces) {
        if (left <= 0) break;
        const written = plain([piece]);
        if (typeof piece === "string") {
          fragment.append(text(written.slice(0, left).replace(/\s+/g, " ")));
        } else {
          const element = formula(piece);
          element.setAttribute("display", "inline");
          fragment.append(element);
        }
        left -= written.length;
      }
      return fragment;
    }

    const plain = (pieces) => pieces.map((piece) => (typeof piece === "string" ? piece : data.formulas[piece][0])).join("");

    const answer = (pieces) => make("bdi", "answer", rich(pieces));

    function completion(pieces) {
      const whole = make("div", "rich completion", rich(pieces));
      const box = make("div", "", make("h3", "", "Completion"), whole);
      const length = plain(pieces).length;
      if (length >= FOLDED_FROM) {
        whole.classList.add("folded");
        const button = make("button", "", `Show the whole completion (${length.toLocaleString("en")} characters)`);
        button.type = "button";
        button.addEventListener("click", () => {
          whole.classList.remove("folded");
          button.remove();
        });
        box.append(button);
      }
      return box;
    }

    function facts(pairs) {
      return make("dl", "facts", ...pairs.map(([name, ...value]) => make("div", "", make("dt", "", name), make("dd", "", ...value))));
    }

    return { data, rich, snippet, plain, answer, completion, facts };
  }

  /* Filters and pages */

  // `describe` is given what `writer` returns, and returns of a sample: `summary`, the nodes of its line; `body`, what is
  // below when it is open; `value` of a field of the form; `texts` that are searched; `orders`, by name, to sort by.
  async function browse(describe) {
    const form = document.getElementById("filters");
    const list = document.getElementById("list");
    const waiting = document.getElementById("waiting");
    let data;
    waiting.hidden = false;
    try {
      data = await unpacked;
    } catch (error) {
      waiting.textContent = `The samples cannot be unpacked (${error.message}): open this page in a browser of 2023 or newer.`;
      return;
    }
    const write = writer(data);
    const view = describe(write);
    let matching = [];
    let page = 0;

    function row(sample) {
      const details = make("details", "sample", make("summary", "", ...view.summary(sample)));
      details.addEventListener("toggle", () => {
        if (details.open && details.childElementCount === 1) details.append(view.body(sample));
      });
      return details;
    }

    const holds = (sample, needle) => view.texts(sample).some((pieces) => write.plain(pieces).toLowerCase().includes(needle));

    function choose() {
      const chosen = [...new FormData(form)].filter(([, wanted]) => wanted !== "");
      const asked = new Map(chosen);
      const needle = (asked.get("text") ?? "").toLowerCase();
      const equal = chosen.filter(([name]) => name !== "text" && name !== "order");
      matching = data.samples.filter(
        (sample) => equal.every(([name, wanted]) => view.value(sample, name) === wanted) && (!needle || holds(sample, needle)),
      );
      const order = asked.has("order") ? view.orders[asked.get("order")] : undefined;
      if (order) matching.sort(order);
      page = 0;
      show();
      return new URLSearchParams(chosen).toString();
    }

    function show() {
      const start = page * PAGE;
      const shown = matching.slice(start, start + PAGE);
      list.replaceChildren(...shown.map(row));
      const count = matching.length.toLocaleString("en");
      const all = data.samples.length.toLocaleString("en");
      document.getElementById("status").textContent = matching.length
        ? `${(start + 1).toLocaleString("en")}–${(start + shown.length).toLocaleString("en")} of ${count} samples` +
          (matching.length < data.samples.length ? ` (${all} in all)` : "")
        : `None of the ${all} samples match.`;
      for (const button of find("[data-step]")) {
        const next = page + Number(button.dataset.step);
        button.disabled = next < 0 || next * PAGE >= matching.length;
      }
      find("[data-open]")[0].disabled = matching.length === 0;
    }

    // The address holds what was chosen, so that tables link into the samples and a choice can be sent to somebody.
    function changed() {
      const choice = choose();
      history.replaceState(null, "", choice ? `#${choice}` : "#samples");
    }

    function follow() {
      const asked = new URLSearchParams(location.hash.slice(1));
      const known = [...asked].filter(([name]) => form.elements.namedItem(name));
      if (known.length === 0) return false;
      form.reset();
      for (const [name, wanted] of known) form.elements.namedItem(name).value = wanted;
      choose();
      document.getElementById("samples").scrollIntoView();
      return true;
    }

    let typing;
    form.addEventListener("input", (event) => {
      if (event.target.tagName === "SELECT") return;
      clearTimeout(typing);
      typing = setTimeout(changed, 200);
    });
    form.addEventListener("change", (event) => event.target.tagName === "SELECT" && changed());
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(changed));
    window.addEventListener("hashchange", follow);
    for (const button of find("[data-step]")) {
      button.addEventListener("click", () => {
        page += Number(button.dataset.step);
        show();
        document.getElementById("samples").scrollIntoView();
      });
    }
    find("[data-open]")[0].addEventListener("click", () => list.querySelectorAll("details.sample").forEach((details) => (details.open = true)));

    waiting.remove();
    form.hidden = false;
    find(".pager").forEach((pager) => (pager.hidden = false));
    if (!follow()) choose();
  }

  return { browse, find, make, text, unpacked };
})();
