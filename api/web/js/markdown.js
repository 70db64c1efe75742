// Markdown to HTML, safely: raw HTML is shown as text, links lead to the web or to mail and to nothing else,
// and pictures become links, so that an answer makes the browser call nobody.
import MarkdownIt from "../vendor/markdown-it/markdown-it.mjs";
import highlighter from "../vendor/highlight/highlight.mjs";

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.validateLink = (url) => /^(https?:|mailto:)/i.test(url.trim());

const { escapeHtml } = markdown.utils;
const rules = markdown.renderer.rules;

rules.link_open = (tokens, at, options, env, self) => {
  tokens[at].attrSet("target", "_blank");
  tokens[at].attrSet("rel", "noopener noreferrer nofollow");
  return self.renderToken(tokens, at, options);
};

rules.image = (tokens, at) => {
  const source = tokens[at].attrGet("src") ?? "";
  const text = escapeHtml(tokens[at].content || "picture");
  return `<a class="picture" href="${escapeHtml(source)}" target="_blank" rel="noopener noreferrer nofollow">${text}</a>`;
};

rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>';
rules.table_close = () => "</table></div>";

rules.fence = (tokens, at) => code(tokens[at].content, tokens[at].info.trim().split(/\s+/)[0]);
rules.code_block = (tokens, at) => code(tokens[at].content, "");

function code(text, language) {
  const known = language && highlighter.getLanguage(language);
  const body = known && text.length < 50_000 ? highlighter.highlight(text, { language, ignoreIllegals: true }).value : escapeHtml(text);
  return `<figure class="code"><figcaption><span>${escapeHtml(language || "text")}</span>` +
    '<button type="button" class="copy-code">Copy</button></figcaption>' +
    `<pre tabindex="0" aria-label="Code"><code>${body}</code></pre></figure>`;
}

// The one door for HTML into the page, where browsers know trusted types: see the Content-Security-Policy.
const policy = window.trustedTypes?.createPolicy("kakeyad-markdown", { createHTML: (html) => html }) ?? { createHTML: (html) => html };

/** A text's top-level blocks as HTML. */
function blocks(text) {
  const env = {};
  const tokens = markdown.parse(text, env);
  const out = [];
  let from = 0;
  let depth = 0;
  tokens.forEach((token, at) => {
    depth += token.nesting;
    if (depth === 0) {
      out.push(markdown.renderer.render(tokens.slice(from, at + 1), markdown.options, env));
      from = at + 1;
    }
  });
  return out;
}

/**
 * Renders a text into an element. Blocks that have not changed since the last time stay as they are, so
 * that a growing answer neither flickers nor loses a selection.
 */
export function renderInto(element, text) {
  const before = element.rendered ?? [];
  const now = blocks(text);
  let same = 0;
  while (same < now.length && same < before.length && before[same] === now[same]) same++;
  while (element.children.length > same) element.lastElementChild.remove();
  for (const html of now.slice(same)) {
    const block = document.createElement("div");
    block.className = "block";
    block.innerHTML = policy.createHTML(html);
    element.append(block);
  }
  element.rendered = now;
}
