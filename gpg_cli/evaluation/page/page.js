/* The samples of an evaluation; what they share with those of other pages is in gpg_cli/page/samples.js. */
samplesPage.browse(({ data, rich, snippet, answer, completion, facts }) => {
  const { find, make, text } = samplesPage;
  const titles = new Map(find('#filters [name="bench"] option').map((option) => [option.value, option.text.replace(/ \([\d,]+\)$/, "")]));
  const several = data.samples.some((sample) => sample.number > 0);

  function summary(sample) {
    const problem = data.problems[sample.problem];
    const title = titles.get(problem.bench) ?? problem.bench;
    const marks = [];
    if (sample.differs) marks.push(make("span", "mark", `strict: ${sample.strict}`), ", ");
    if (sample.end === "truncated") marks.push(make("span", "mark", "truncated"), ", ");
    return [
      make("span", `verdict ${sample.verdict}`, sample.verdict),
      make("span", "place", `${title} ${problem.index}${several ? `, sample ${sample.number}` : ""}`),
      make("bdi", "text", snippet(problem.problem)),
      make("span", "end", ...marks, `${sample.tokens.toLocaleString("en")} tokens`),
    ];
  }

  function body(sample) {
    const problem = data.problems[sample.problem];
    const answers = problem.gold.flatMap((gold, place) => (place ? [" or ", answer(gold)] : [answer(gold)]));
    return make(
      "div", "body",
      make("div", "", make("h3", "", "Problem"), ...picture(problem), make("div", "rich", rich(problem.problem))),
      facts([
        ["Right answer", ...answers],
        ["Answer found", sample.extracted === null ? make("span", "muted", "none") : answer(sample.extracted)],
        ["Verdict", make("span", `verdict ${sample.verdict}`, sample.verdict)],
        ...(sample.value === null ? [] : [["Overlap", `${(100 * sample.value).toFixed(1)}%`]]),
        ["Strict verdict", make("span", `verdict ${sample.strict}`, sample.strict)],
        ["Tokens", sample.tokens.toLocaleString("en")],
        ["Completion", sample.end === "truncated" ? make("span", "mark", "truncated") : "complete"],
        ["Seed", String(sample.seed)],
        ...Object.entries(problem.groups).map(([group, member]) => [group, text(member)]),
      ]),
      prompt(sample),
      completion(sample.completion),
    );
  }

  function picture(problem) {
    if (problem.picture === null) return [];
    const shown = make("img", "picture");
    shown.src = problem.picture;
    shown.alt = "The picture that the problem is about";
    return [shown];
  }

  function prompt(sample) {
    const details = make("details", "prompt", make("summary", "", "Prompt"));
    details.addEventListener("toggle", () => {
      if (details.childElementCount === 1) details.append(make("pre", "", text(data.prompts[sample.prompt])));
    });
    return details;
  }

  function value(sample, name) {
    const problem = data.problems[sample.problem];
    if (name.startsWith("group:")) return problem.groups[name.slice("group:".length)];
    if (name === "bench") return problem.bench;
    if (name === "problem") return String(problem.index);
    if (name === "strict") return sample.differs ? "differs" : "the same";
    return sample[name];
  }

  function texts(sample) {
    const problem = data.problems[sample.problem];
    return [problem.problem, ...problem.gold, sample.extracted ?? [], sample.completion];
  }

  const orders = { longest: (one, other) => other.tokens - one.tokens, shortest: (one, other) => one.tokens - other.tokens };
  return { summary, body, value, texts, orders };
});
