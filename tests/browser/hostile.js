// What is wrong with a page that shows what a model wrote. What may stand in it is written out a second
// time, as in tests/rendering/reader.py; what our own scripts put there is left out: the tools of code,
// formulas, the frame of a diagram.
() => {
    const NAMES = new Set(("p br hr h3 h4 h5 h6 div blockquote ul ol li a em strong del sup code pre span"
        + " dl dt dd table thead tbody tr th td").split(" "));
    const ATTRIBUTES = new Set(("class href rel target title start role tabindex scope aria-label aria-hidden"
        + " data-language data-diagram data-align data-drawn data-set data-source data-tools").split(" "));
    const OURS = ".code__tools, .code__tools *, .katex, .katex *, .code__lines, .code__note, .code__diagram";
    const LINKS = /^(https?:[/][/][^/\\\s]|mailto:[^\s@]+@)/i;
    const faults = window.__pwned ? ["a script ran"] : [];
    faults.push(...window.__refused.map((what) => `the policy refused ${what}`));
    const written = document.querySelectorAll(".prose *");
    for (const element of written) {
        for (const { name } of element.attributes) {
            if (/^(on|id$|name$|form|srcdoc|hx-|data-(action|behavior))/.test(name) && !element.matches(OURS)) {
                faults.push(`${element.localName} ${name}`);
            }
        }
        if (element.matches(OURS)) continue;
        if (!NAMES.has(element.localName)) faults.push(element.localName);
        for (const { name } of element.attributes) {
            if (!ATTRIBUTES.has(name)) faults.push(`${element.localName} ${name}`);
        }
        if (element.localName === "a") {
            if (!LINKS.test(element.getAttribute("href"))) faults.push(element.outerHTML);
            if (element.target !== "_blank" || !element.relList.contains("noreferrer")) faults.push("a told link");
            if (element.origin === location.origin) faults.push(`a link to us ${element.href}`);
        }
    }
    for (const frame of document.querySelectorAll("iframe, object, embed, frame, portal")) {
        const isOurs = frame.matches(".code__diagram[sandbox=allow-scripts]") && new URL(frame.src).pathname === "/diagram/";
        if (!isOurs) faults.push(frame.outerHTML);
    }
    for (const picture of document.querySelectorAll("img, image, video, audio, source, input[type=image]")) {
        faults.push(picture.outerHTML);
    }
    for (const element of document.querySelectorAll(".katex a, .katex img, .katex [id]")) faults.push(element.outerHTML);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    faults.push(...ids.filter((id, place) => ids.indexOf(id) !== place).map((id) => `#${id} twice`));
    if (document.title === "1" || document.querySelectorAll("main").length !== 1) faults.push("another page");
    return faults;
}
