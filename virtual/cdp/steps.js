// Runs in an isolated world of every frame: finds elements the way people name them, and acts on them.
// Go calls attempt(), which does a step now or says why it cannot, and until(), which waits.
globalThis.passrig ??= (() => {
  const squeeze = (s) => s.replace(/\s+/g, " ").trim();
  const fold = (s) => squeeze(s).toLowerCase();

  // --- What is on the page ---

  const style = (el) => el.ownerDocument.defaultView.getComputedStyle(el);
  const rendered = (el) => el.checkVisibility({ visibilityProperty: true });
  const visible = (el) => {
    const box = el.getBoundingClientRect();
    return rendered(el) && box.width > 0 && box.height > 0;
  };
  const exposed = (el) => !el.closest("[aria-hidden=true]") && rendered(el);

  // Every element below root, shadow trees included.
  function* elements(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    while (walker.nextNode()) {
      const el = walker.currentNode;
      yield el;
      if (el.shadowRoot) yield* elements(el.shadowRoot);
    }
  }

  // --- Roles and accessible names (HTML-AAM, accname 1.2; the parts that tell controls apart) ---

  const inputRoles = {
    button: "button", submit: "button", reset: "button", image: "button", checkbox: "checkbox", radio: "radio",
    range: "slider", number: "spinbutton", search: "searchbox", hidden: "none",
    text: "textbox", email: "textbox", tel: "textbox", url: "textbox", password: "textbox",
  };
  const tagRoles = {
    button: "button", summary: "button", textarea: "textbox", h1: "heading", h2: "heading", h3: "heading", h4: "heading",
    h5: "heading", h6: "heading", ul: "list", ol: "list", li: "listitem", img: "img", nav: "navigation", main: "main",
    dialog: "dialog", form: "form", table: "table", tr: "row", td: "cell", th: "columnheader", option: "option",
    output: "status", progress: "progressbar", article: "article", fieldset: "group", p: "paragraph",
    header: "banner", footer: "contentinfo", aside: "complementary", section: "region", hr: "separator",
  };
  const role = (el) => {
    const given = el.getAttribute("role")?.trim().split(/\s+/)[0];
    if (given) return given;
    const tag = el.localName;
    if (tag === "input") return inputRoles[el.type] ?? "textbox";
    if (tag === "a" || tag === "area") return el.hasAttribute("href") ? "link" : "generic";
    if (tag === "select") return el.multiple || el.size > 1 ? "listbox" : "combobox";
    return tagRoles[tag] ?? "generic";
  };
  const namedByContent = new Set(["button", "link", "heading", "option", "tab", "menuitem", "checkbox", "radio", "switch", "cell",
    "columnheader", "rowheader", "row", "treeitem", "tooltip"]);

  const content = (node, self) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return "";
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (["script", "style", "template", "noscript"].includes(node.localName)) return "";
      if (!self) {
        if (!exposed(node)) return "";
        const label = node.getAttribute("aria-label");
        if (label?.trim()) return label;
      }
      if (node.localName === "img") return node.alt;
      if (node.localName === "br") return " ";
    }
    const children = node.localName === "slot" && node.assignedNodes().length > 0 ? node.assignedNodes() : (node.shadowRoot ?? node).childNodes;
    let text = "";
    for (const child of children) {
      const part = content(child, false);
      const block = child.nodeType === Node.ELEMENT_NODE && exposed(child) && !style(child).display.startsWith("inline");
      text += block ? ` ${part} ` : part;
    }
    return text;
  };
  const name = (el) => {
    const by = el.getAttribute("aria-labelledby");
    if (by) {
      const parts = by.trim().split(/\s+/).map((id) => el.getRootNode().getElementById?.(id)).filter(Boolean);
      if (parts.length > 0) return squeeze(parts.map((p) => p.getAttribute("aria-label") ?? content(p, true)).join(" "));
    }
    const label = el.getAttribute("aria-label");
    if (label?.trim()) return squeeze(label);
    if (el.labels?.length > 0) return squeeze([...el.labels].map((l) => content(l, true)).join(" "));
    if (el.localName === "input" && ["button", "submit", "reset"].includes(el.type)) {
      return squeeze(el.value || { submit: "Submit", reset: "Reset" }[el.type] || "");
    }
    if (el.localName === "img" || (el.localName === "input" && el.type === "image")) return squeeze(el.alt || el.title);
    if (el.localName === "fieldset") return squeeze(content(el.querySelector("legend") ?? document.createTextNode(""), true));
    const text = namedByContent.has(role(el)) ? squeeze(content(el, true)) : "";
    return text || squeeze(el.title || el.placeholder || "");
  };

  // --- Selectors, as Go has parsed them ---

  const labelable = (el) => el.matches("input, select, textarea, button, output, [contenteditable], [role], iframe");
  // Those that match exactly, or if there are none, those that contain the text in any case.
  const closest = (candidates, text, of, exact) => {
    const whole = candidates.filter((el) => of(el) === text);
    return whole.length > 0 || exact ? whole : candidates.filter((el) => fold(of(el)).includes(fold(text)));
  };
  const innermost = (list) => list.filter((el) => !list.some((other) => other !== el && el.contains(other)));
  const strategies = {
    css: (root, part) => [...elements(root)].filter((el) => el.matches(part.value)),
    role: (root, part) => [...elements(root)].filter((el) => role(el) === part.value && exposed(el)
      && (part.name === undefined || (part.contains ? fold(name(el)).includes(fold(part.name)) : name(el) === squeeze(part.name)))),
    label: (root, part) => closest([...elements(root)].filter(labelable), squeeze(part.value), name, part.exact),
    placeholder: (root, part) => closest([...elements(root)].filter((el) => el.placeholder), squeeze(part.value), (el) => squeeze(el.placeholder), part.exact),
    text: (root, part) => innermost(closest(
      [...elements(root)].filter((el) => !["script", "style", "template", "head", "title"].includes(el.localName) && rendered(el)),
      squeeze(part.value), (el) => squeeze(content(el, true)), part.exact)),
  };

  const sketch = (el) => {
    const tag = el.cloneNode(false).outerHTML.replace(/<\/[^>]*>$/, "").slice(0, 120);
    const text = squeeze(el.textContent ?? "").slice(0, 40);
    return text ? `${tag} "${text}"` : tag;
  };
  const find = (chain) => {
    let roots = [document];
    for (const [i, part] of chain.entries()) {
      if (part.by === "nth") {
        roots = roots.filter(visible).slice(part.index, part.index + 1);
      } else if (part.by === "frame") {
        const frames = roots.flatMap((r) => [...elements(r)]).filter((el) => el.localName === "iframe" && (el.name === part.value || el.matches(part.value)));
        if (frames.length !== 1) return { why: frames.length === 0 ? "there is no such frame" : `there are ${frames.length} such frames` };
        if (!frames[0].contentDocument) return { hop: i, frame: frames[0] };
        roots = [frames[0].contentDocument];
      } else {
        roots = [...new Set(roots.flatMap((r) => strategies[part.by](r, part)))];
      }
    }
    return { found: roots };
  };
  // One element: the only one that matches, or the only visible one.
  const one = (chain) => {
    const result = find(chain);
    if (!result.found) return result;
    if (result.found.length === 0) return { why: "nothing matches" };
    const seen = result.found.filter(visible);
    if (seen.length > 1) return { why: `${seen.length} elements match: ${seen.slice(0, 3).map(sketch).join(", ")}` };
    return seen.length === 1 ? { el: seen[0] } : { why: `${sketch(result.found[0])} is not visible`, el: undefined };
  };

  // --- Acting ---

  const ready = (el) => {
    if (el.matches(":disabled") || el.closest("[aria-disabled=true]")) return `${sketch(el)} is disabled`;
  };
  const obstacle = (el) => {
    el.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = el.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const top = el.getRootNode().elementFromPoint(x, y);
    if (!top || top === el || el.contains(top) || top.contains(el) || [...(el.labels ?? [])].some((l) => l.contains(top))) return undefined;
    return `${sketch(el)} is covered by ${sketch(top)}`;
  };
  const pointer = (el) => {
    const box = el.getBoundingClientRect();
    const base = {
      bubbles: true, cancelable: true, composed: true, view: el.ownerDocument.defaultView,
      clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, button: 0,
    };
    const fire = (type, Event, more) => el.dispatchEvent(new Event(type, { ...base, ...more }));
    fire("pointerover", PointerEvent, { pointerType: "mouse" });
    fire("mouseover", MouseEvent);
    fire("pointerdown", PointerEvent, { pointerType: "mouse", buttons: 1 });
    if (fire("mousedown", MouseEvent, { buttons: 1 })) el.closest("button, a, input, select, textarea, [tabindex]")?.focus({ preventScroll: true });
    fire("pointerup", PointerEvent, { pointerType: "mouse" });
    fire("mouseup", MouseEvent);
    el.click();
  };
  const setValue = (el, value) => {
    el.focus({ preventScroll: true });
    if (el.isContentEditable) {
      el.textContent = value;
    } else {
      const prototype = { textarea: HTMLTextAreaElement, select: HTMLSelectElement }[el.localName] ?? HTMLInputElement;
      // The element's own setter: frameworks put theirs in front of it to tell their changes from people's.
      Object.getOwnPropertyDescriptor(prototype.prototype, "value").set.call(el, value);
    }
    el.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText", data: value }));
    el.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const actions = {
    click: {
      check: (el) => ready(el) ?? obstacle(el),
      act: pointer,
    },
    fill: {
      check: (el) => ready(el) ?? (el.readOnly ? `${sketch(el)} is read-only` : undefined)
        ?? (el.isContentEditable || el.matches("input, textarea") ? undefined : `${sketch(el)} cannot be filled in`),
      act: (el, step) => setValue(el, step.value),
    },
    select: {
      check: (el, step) => ready(el) ?? (el.localName !== "select" ? `${sketch(el)} is not a list to select from` : undefined)
        ?? (option(el, step.value) ? undefined : `${sketch(el)} has no option "${step.value}"`),
      act: (el, step) => setValue(el, option(el, step.value).value),
    },
    focus: { check: ready, act: (el) => el.focus({ preventScroll: true }) },
    wait: { check: () => undefined, act: () => undefined },
    text: { check: () => undefined, act: (el) => squeeze(el.innerText ?? el.textContent) },
    expect: {
      check: (el, step) => {
        const text = squeeze(el.innerText ?? el.textContent);
        return text.includes(squeeze(step.value)) ? undefined : `the text is "${text.length > 200 ? text.slice(0, 200) + "…" : text}"`;
      },
      act: (el) => squeeze(el.innerText ?? el.textContent),
    },
  };
  const option = (el, wanted) => [...el.options].find((o) => o.value === wanted || squeeze(o.label) === wanted);

  const target = (step) => {
    if (step.chain.length === 0) return { el: document.body ?? document.documentElement };
    return one(step.chain);
  };
  const attempt = (step, dry) => {
    try {
      if (step.action === "gone") {
        const { found = [], hop } = find(step.chain);
        const left = found.filter(visible);
        return left.length > 0 ? { why: `${sketch(left[0])} is still visible` } : { done: true, hop };
      }
      const { el, why, hop } = target(step);
      if (!el) return { why, hop };
      const action = actions[step.action];
      const problem = action.check(el, step);
      if (problem) return { why: problem };
      if (dry) return { done: true };
      const value = action.act(el, step);
      return { done: true, value };
    } catch (error) {
      return { why: String(error), broken: error instanceof DOMException && error.name === "SyntaxError" };
    }
  };
  const until = async (step, milliseconds) => {
    const end = performance.now() + milliseconds;
    for (;;) {
      const result = attempt(step, true);
      const left = end - performance.now();
      if (result.done || result.broken || result.hop !== undefined || left <= 0) return result;
      await new Promise((resolve) => {
        const look = () => { observer.disconnect(); clearTimeout(timer); resolve(); };
        const timer = setTimeout(look, Math.min(left, 40)); // what shadow trees and styles do is not observed
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      });
    }
  };
  const excerpt = () => {
    const copy = document.documentElement.cloneNode(true);
    for (const el of copy.querySelectorAll("script, style, link, svg")) el.remove();
    for (const el of copy.querySelectorAll("input[type=password]")) el.setAttribute("value", "");
    const html = copy.outerHTML.replace(/\n\s*\n+/g, "\n");
    return html.length > 16384 ? html.slice(0, 16384) + "…" : html;
  };
  return { attempt, until, excerpt, frame: (chain) => find(chain).frame };
})();
