// Checks HTML files: their parsing against the HTML standard (parse5), their elements, attributes and accessibility with
// html-validate, of which nothing is switched off but what is explained here. Usage: node html.mjs FILE.html...
// Ends with code 1 and says what is wrong, a line each.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { HtmlValidate, StaticConfigLoader } from "html-validate";
import { parse } from "parse5";

const svg = ["height", "width"];

// The command of html-validate needs a newer Node than the rest of this repository; the library does not.
const validator = new HtmlValidate(
  new StaticConfigLoader({
    root: true,
    extends: ["html-validate:recommended", "html-validate:standard", "html-validate:document", "html-validate:a11y"],
    // It knows SVG's root only as a name.
    elements: ["html5", { svg: { attributes: Object.fromEntries(svg.map((name) => [name, {}])) } }],
    rules: {
      "no-unknown-attributes": "error",
      "no-unknown-elements": "error",
      // A run has the name that its author gave it.
      "long-title": "off",
      // What a relying party sent is shown as it is, with the white space at the ends of its lines.
      "no-trailing-whitespace": "off",
    },
  }),
);

const found = [];
for (const path of process.argv.slice(2)) {
  const text = await readFile(path, "utf8");
  const add = (line, column, rule, message) => found.push(`${basename(path)}:${line}:${column}: ${rule}: ${message}`);
  parse(text, { onParseError: (e) => add(e.startLine, e.startCol, "parse5", e.code) });
  const { results } = await validator.validateString(text, path);
  for (const m of results.flatMap((result) => result.messages)) {
    add(m.line, m.column, m.ruleId, `${m.message} (${m.selector})`);
  }
}
if (found.length > 0) {
  console.error(found.join("\n"));
  process.exitCode = 1;
}
