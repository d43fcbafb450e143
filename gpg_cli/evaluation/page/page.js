"use strict";

/* The browser of samples. Texts come as pieces, strings and numbers of formulas (gpg_cli/page/rich_text.py), and become
   text nodes and MathML elements one by one: nothing of the data is ever parsed as HTML. */
(async () => {
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const PAGE = 50;
  const FOLDED_FROM = 3000; // characters
  const SNIPPET = 160; // characters
  // Direction marks, line separators, halves of surrogate pairs and other controls act where they stand, or are not seen;
  // shown by their number they are harmless.
  const CONTROLS = /([\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Surrogate}])/u;

  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const waiting = document.getElementById("waiting");
  const find = (selector) => [...document.querySelectorAll(selector)];

  let data;
  waiting.hidden = false;
  try {
    data = await unpack(document.getElementById("data").textContent);
  } catch (error) {
    waiting.textContent = `The samples cannot be unpacked (${error.message}): open this page in a browser of 2023 or newer.`;
    return;
  }
  const titles = new Map(find('#filters [name="bench"] option').map((option) => [option.value, option.text.replace(/ \([\d,]+\)$/, "")]));
  const several = data.samples.some((sample) => sample.number > 0);
  let matching = [];
  let page = 0;

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

  /* One sample */

  function row(sample) {
    const problem = data.problems[sample.problem];
    const title = titles.get(problem.bench) ?? problem.bench;
    const marks = [];
    if (sample.differs) marks.push(make("span", "mark", `strict: ${sample.strict}`), ", ");
    if (sample.end === "truncated") marks.push(make("span", "mark", "truncated"), ", ");
    const summary = make(
      "summary", "",
      make("span", `verdict ${sample.verdict}`, sample.verdict),
      make("span", "place", `${title} ${problem.index}${several ? `, sample ${sample.number}` : ""}`),
      make("bdi", "text", snippet(problem.problem)),
      make("span", "end", ...marks, `${sample.tokens.toLocaleString("en")} tokens`),
    );
    const details = make("details", "sample", summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(body(sample, problem));
    });
    return details;
  }

  function body(sample, problem) {
    const answers = problem.gold.flatMap((gold, place) => (place ? [" or ", answer(gold)] : [answer(gold)]));
    const facts = [
      ["Right answer", ...answers],
      ["Answer found", sample.extracted === null ? make("span", "muted", "none") : answer(sample.extracted)],
      ["Verdict", make("span", `verdict ${sample.verdict}`, sample.verdict)],
      ...(sample.value === null ? [] : [["Overlap", `${(100 * sample.value).toFixed(1)}%`]]),
      ["Strict verdict", make("span", `verdict ${sample.strict}`, sample.strict)],
      ["Tokens", sample.tokens.toLocaleString("en")],
      ["Completion", sample.end === "truncated" ? make("span", "mark", "truncated") : "complete"],
      ["Seed", String(sample.seed)],
      ...Object.entries(problem.groups).map(([group, member]) => [group, text(member)]),
    ];
    return make(
      "div", "body",
      make("div", "", make("h3", "", "Problem"), ...picture(problem), make("div", "rich", rich(problem.problem))),
      make("dl", "facts", ...facts.map(([name, ...value]) => make("div", "", make("dt", "", name), make("dd", "", ...value)))),
      prompt(sample),
      completion(sample),
    );
  }

  function picture(problem) {
    if (problem.picture === null) return [];
    const shown = make("img", "picture");
    shown.src = problem.picture;
    shown.alt = "The picture that the problem is about";
    return [shown];
  }

  const answer = (pieces) => make("bdi", "answer", rich(pieces));

  function prompt(sample) {
    const details = make("details", "prompt", make("summary", "", "Prompt"));
    details.addEventListener("toggle", () => {
      if (details.childElementCount === 1) details.append(make("pre", "", text(data.prompts[sample.prompt])));
    });
    return details;
  }

  function completion(sample) {
    const whole = make("div", "rich completion", rich(sample.completion));
    const box = make("div", "", make("h3", "", "Completion"), whole);
    const length = plain(sample.completion).length;
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

  /* Filters and pages */

  function value(sample, name) {
    const problem = data.problems[sample.problem];
    if (name.startsWith("group:")) return problem.groups[name.slice("group:".length)];
    if (name === "bench") return problem.bench;
    if (name === "problem") return String(problem.index);
    if (name === "strict") return sample.differs ? "differs" : "the same";
    return sample[name];
  }

  function holds(sample, needle) {
    const problem = data.problems[sample.problem];
    const texts = [problem.problem, ...problem.gold, sample.extracted ?? [], sample.completion];
    return texts.some((pieces) => plain(pieces).toLowerCase().includes(needle));
  }

  function choose() {
    const chosen = [...new FormData(form)].filter(([, wanted]) => wanted !== "");
    const asked = new Map(chosen);
    const needle = (asked.get("text") ?? "").toLowerCase();
    const equal = chosen.filter(([name]) => name !== "text" && name !== "order");
    matching = data.samples.filter(
      (sample) => equal.every(([name, wanted]) => value(sample, name) === wanted) && (!needle || holds(sample, needle)),
    );
    const direction = { longest: -1, shortest: 1 }[asked.get("order")];
    if (direction) matching.sort((one, other) => direction * (one.tokens - other.tokens));
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

  // The address holds what was chosen, so that the tables link into the samples and a choice can be sent to somebody.
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
})();
