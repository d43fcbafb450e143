/* The page of runs: what of the curves is shown, their values under the pointer or by keys, and the completions. */
(() => {
  const { browse, find, make, text, unpacked } = samplesPage;
  const axes = document.getElementById("axes").dataset;
  const numbers = (string) => string.split(" ").map(Number);
  const ends = { step: numbers(axes.steps), time: numbers(axes.times) };
  const [left, width, whole] = numbers(axes.plot);
  const several = Number(axes.runs) > 1;

  /* What is shown */

  const controls = document.getElementById("controls");
  const chosen = (name) => new FormData(controls).get(name);
  const along = () => chosen("along");

  function apply() {
    document.body.classList.toggle("along-time", along() === "time");
    document.body.classList.toggle("exact", chosen("smooth") === null);
    const on = new Set(new FormData(controls).getAll("shown"));
    if (!several) return;
    for (const element of find("[data-run]")) element.classList.toggle("off", !on.has(element.dataset.run));
  }

  controls.addEventListener("change", apply);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  apply(); // a browser that goes back keeps what was chosen

  /* Values */

  function short(value) {
    const size = Math.abs(value);
    if (value === 0) return "0";
    if (size >= 1000) return Math.round(value).toLocaleString("en").replace("-", "−");
    if (size < 0.001) return value.toExponential(2).replace(/\.?0*e/, "e").replace("e+", "e").replaceAll("-", "−");
    return String(Number(value.toPrecision(3))).replace("-", "−");
  }

  const written = (value, unit) => (unit === "%" ? value.toFixed(1) : short(value));

  function duration(seconds) {
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  // The place of the number that is nearest to `wanted`, of those that are known.
  function nearest(places, values, wanted) {
    let found = -1;
    places.forEach((place, index) => {
      if (values[index] === null) return;
      if (found < 0 || Math.abs(place - wanted) < Math.abs(places[found] - wanted)) found = index;
    });
    return found;
  }

  function readable(figure, runs) {
    const number = Number(figure.dataset.number);
    const reading = figure.querySelector(".reading");
    const at = reading.querySelector(".at");
    const shown = [...reading.querySelectorAll(".value")].map((element) => {
      const run = runs[Number(element.dataset.run)];
      const shows = element.querySelector("b");
      return { element: shows, box: element, run, values: run.values[number], last: shows.textContent };
    });
    const cursor = figure.querySelector(".cursor");
    const drawing = figure.querySelector("svg:not(.swatch)[role]");
    let wanted = null; // the step, or the second, that is read

    const places = (run) => (along() === "time" ? run.seconds : run.steps);
    const visible = () => shown.filter(({ box }) => !box.classList.contains("off"));

    function read(place) {
      const [low, high] = ends[along()];
      const found = visible().map((each) => ({ ...each, index: nearest(places(each.run), each.values, place) })).filter((each) => each.index >= 0);
      if (found.length === 0) return;
      // The cursor stands at a real step: the nearest of all.
      const first = found.reduce((one, other) =>
        Math.abs(places(one.run)[one.index] - place) <= Math.abs(places(other.run)[other.index] - place) ? one : other);
      const here = places(first.run)[first.index];
      at.textContent = along() === "time" ? `after ${duration(here)}` : `step ${here.toLocaleString("en")}`;
      for (const each of found) {
        const there = places(each.run)[each.index];
        // A run that ended before, or was not measured then, says nothing here.
        const near = Math.abs(there - here) <= (high - low) / 25;
        each.element.textContent = near ? written(each.values[each.index], figure.dataset.unit) : "–";
      }
      cursor.setAttribute("transform", `translate(${((here - low) / (high - low)) * width} 0)`);
      figure.classList.add("read");
      wanted = here;
    }

    function leave() {
      wanted = null;
      figure.classList.remove("read");
      at.textContent = "last";
      for (const { element, last } of shown) element.textContent = last;
    }

    function point(event) {
      const box = drawing.getBoundingClientRect();
      const place = ((event.clientX - box.left) * whole) / box.width - left;
      const [low, high] = ends[along()];
      read(low + (place / width) * (high - low));
    }

    drawing.addEventListener("pointermove", point);
    drawing.addEventListener("pointerdown", point);
    drawing.addEventListener("pointerleave", leave);
    figure.addEventListener("blur", leave);
    figure.addEventListener("keydown", (event) => {
      const [low, high] = ends[along()];
      if (visible().length === 0 || !["ArrowLeft", "ArrowRight", "Home", "End", "Escape"].includes(event.key)) return;
      event.preventDefault();
      if (event.key === "Escape") return leave();
      if (event.key === "Home") return read(low);
      if (event.key === "End" || wanted === null) return read(high);
      // The next step with a number; at least a hundredth of the axis away, so that a long run takes a hundred keys.
      const known = visible().flatMap(({ run, values }) => places(run).filter((_, index) => values[index] !== null)).sort((one, other) => one - other);
      const least = (high - low) / 100;
      const next = event.key === "ArrowLeft" ? known.findLast((place) => place <= wanted - least) : known.find((place) => place >= wanted + least);
      read(next ?? (event.key === "ArrowLeft" ? low : high));
    });
  }

  unpacked.then((data) => find(".curve").forEach((figure) => readable(figure, data.runs)), () => {});

  /* Completions */

  if (!document.getElementById("filters")) return;
  browse(({ data, rich, snippet, answer, completion, facts }) => {
    const names = find(".legend bdi").map((name) => name.textContent);

    function swatch(run) {
      const shown = document.querySelector(`.legend [value="${run}"] + .swatch`);
      return shown ? [shown.cloneNode(true)] : [];
    }

    const number = (value) => (value === null ? "–" : short(value));

    function summary(sample) {
      return [
        make("span", `verdict ${sample.verdict}`, sample.verdict),
        make("span", "place", ...swatch(sample.run), `Step ${sample.step.toLocaleString("en")}`),
        make("bdi", "text", snippet(data.prompts[sample.prompt].prompt)),
        make("span", "end", ...(sample.end === "truncated" ? [make("span", "mark", "truncated"), ", "] : []), `reward ${number(sample.reward)}, ${sample.tokens.toLocaleString("en")} tokens`),
      ];
    }

    function body(sample) {
      const asked = data.prompts[sample.prompt];
      const group = make("ul", "group", ...sample.group.map((reward, place) => make("li", place === sample.place ? "this" : "", number(reward))));
      return make(
        "div", "body",
        make("div", "", make("h3", "", "Prompt"), make("div", "rich", rich(asked.prompt))),
        facts([
          ...(names.length > 1 ? [["Run", text(names[sample.run])]] : []),
          ["Step", sample.step.toLocaleString("en")],
          ...(asked.gold === null ? [] : [["Right answer", answer(asked.gold)]]),
          ["Answer", make("span", `verdict ${sample.verdict}`, sample.verdict)],
          ["Reward", number(sample.reward)],
          ...(sample.rewards.length > 1 ? sample.rewards.map(([name, value]) => [text(name), number(value)]) : []),
          ["Advantage", sample.advantage === null ? "not trained on" : number(sample.advantage)],
          ["Tokens", sample.tokens.toLocaleString("en")],
          ["Completion", sample.end === "truncated" ? make("span", "mark", "truncated") : "complete"],
        ]),
        make("div", "", make("h3", "", "Rewards of its group"), group),
        completion(sample.completion),
      );
    }

    const value = (sample, name) => (name === "run" || name === "step" ? String(sample[name]) : sample[name]);
    const texts = (sample) => [data.prompts[sample.prompt].prompt, sample.completion];
    const by = (key, direction) => (one, other) => direction * ((one[key] ?? -Infinity) - (other[key] ?? -Infinity)) || 0;
    const orders = { last: by("step", -1), highest: by("reward", -1), lowest: by("reward", 1), longest: by("tokens", -1), shortest: by("tokens", 1) };
    return { summary, body, value, texts, orders };
  });
})();
