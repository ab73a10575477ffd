/** Proves what Markdown in a message becomes: marks are read, all else stays, nothing is ever more than text. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { visibleText } from "../../trio_chat/web/page/inline.js";
import { parse } from "../../trio_chat/web/page/markdown.js";
import fc from "./support/fast_check.js";

/** Write blocks in short: what is between marks of our own, so that a case reads on one line. */
function short(blocks) {
  return blocks
    .map((block) => {
      if (block.type === "paragraph") return block.inline.map(shortInline).join("");
      if (block.type === "code") return `{code ${block.language}|${block.text}}`;
      if (block.type === "quote") return `{quote ${short(block.blocks)}}`;
      return `{${block.ordered ? block.start : "list"} ${block.items.map((item) => `(${short(item)})`).join("")}}`;
    })
    .join("/");
}

function shortInline(node) {
  if (node.type === "text") return node.text;
  if (node.type === "break") return "⏎";
  if (node.type === "code") return `{c|${node.text}}`;
  if (node.type === "link") return node.href === node.text ? `{${node.href}}` : `{${node.href}|${node.text}}`;
  return `{${{ strong: "b", emphasis: "i", strike: "s" }[node.type]} ${node.inline.map(shortInline).join("")}}`;
}

const CASES = {
  emphasis: [
    ["*a* _b_ **c** __d__ ~~e~~", "{i a} {i b} {b c} {b d} {s e}"],
    ["***a*** **a *b* c** *a **b** c*", "{i {b a}} {b a {i b} c} {i a {b b} c}"],
    ["snake_case_name and __init__.py in_word_", "snake_case_name and {b init}.py in_word_"],
    ["2*3*4 and a * b * c", "2{i 3}4 and a * b * c"],
    ["*a", "*a"],
    ["a* *b", "a* *b"],
    ["**a*", "*{i a}"],
    ["*a**b*", "{i a**b}"],
    ["~a~ ~~~a~~~ ~~a", "~a~ ~~~a~~~ ~~a"],
    ["*one\ntwo*", "{i one⏎two}"],
    ["**bold**text _“x”_", "{b bold}text {i “x”}"],
    ["*😀*a*", "*😀{i a}"],
    ["*a _b* c_", "{i a _b} c_"],
    ["*a _b* c* _d_", "{i a _b} c* {i d}"],
    ["** a ** ****", "** a ** ****"],
  ],
  code: [
    ["`a` ``b`c`` `` ` ``", "{c|a} {c|b`c} {c|`}"],
    ["`*a* [x](http://y) \\` end", "{c|*a* [x](http://y) \\} end"],
    ["*a `b* c`", "*a {c|b* c}"],
    ["`a\nb` `c", "{c|a b} `c"],
    ["[a `](http://x) b`", "[a {c|](http://x) b}"],
    ["```js\nif (a < b) { *x* }\n\n> no\n```\nafter", "{code js|if (a < b) { *x* }\n\n> no}/after"],
    ["~~~\n```\n~~~", "{code |```}"],
    ["````\n```\n````", "{code |```}"],
    ["```\nnever closed\n**x**", "{code |never closed\n**x**}"],
    ["before\n```\nx\n```", "before/{code |x}"],
    ["```not` a fence\n", "```not` a fence"],
    ["  ```\n  a\n    b\n  ```", "{code |a\n  b}"],
    ["```c++\n```", "{code c++|}"],
    ["```two words\nx\n```", "{code |two words\nx}"],
  ],
  lines: [
    ["a\nb\r\nc\rd", "a⏎b⏎c⏎d"],
    ["a\n\n\nb", "a/b"],
    ["    four blanks are no code", "    four blanks are no code"],
    ["# no heading\n---\n| no | table |", "# no heading⏎---⏎| no | table |"],
    ["", ""],
    [" \n\t\n", ""],
  ],
  quotes: [
    ["> a\n> b\nc", "{quote a⏎b}/c"],
    [">a\n>> b", "{quote a/{quote b}}"],
    ["a\n> b", "a/{quote b}"],
    ["> ```\n> x\n> ```", "{quote {code |x}}"],
    ["> - a\n> - b", "{quote {list (a)(b)}}"],
    ["a > b", "a > b"],
  ],
  lists: [
    ["- a\n- b", "{list (a)(b)}"],
    ["* a\n+ b", "{list (a)}/{list (b)}"],
    ["1. a\n2. b\n3) c", "{1 (a)(b)}/{3 (c)}"],
    ["7. a\n8. b", "{7 (a)(b)}"],
    ["1. a\n1. b", "{1 (a)(b)}"],
    ["3. a\n7. b", "{3 (a)}/{7 (b)}"],
    ["Year:\n2024. It was.", "Year:⏎2024. It was."],
    ["Do:\n1. a", "Do:/{1 (a)}"],
    ["- a\n  b\n\n  c\n- d", "{list (a⏎b/c)(d)}"],
    ["- a\n  - b\n    - c\n- d", "{list (a/{list (b/{list (c)})})(d)}"],
    ["1. a\n   ```\n   x\n   ```\n2. b", "{1 (a/{code |x})(b)}"],
    ["- a\nb", "{list (a)}/b"],
    ["-\n-a\n- ", "-⏎-a⏎- "],
    ["- **a**: b", "{list ({b a}: b)}"],
  ],
  links: [
    ["http://a.b/c?d=e#f", "{http://a.b/c?d=e#f}"],
    ["see https://a.b/c_d_e, (https://a.b/x_(y)).", "see {https://a.b/c_d_e}, ({https://a.b/x_(y)})."],
    ["**https://a.b/** [1]: https://a.b/]", "{b {https://a.b/}} [1]: {https://a.b/}]"],
    ["HTTPS://A.B/C", "{https://a.b/C|HTTPS://A.B/C}"],
    ["mailto:a@b.c!", "{mailto:a@b.c}!"],
    ["[a *b* `c`](https://d.e/f_g)", "{https://d.e/f_g|a b c}"],
    ["![a](https://b.c/d)", "!{https://b.c/d|a}"],
    ["[a](https://b.c/(d)e) f)", "{https://b.c/(d)e|a} f)"],
    ["<https://a.b/>", "<{https://a.b/}>"],
    ["https://münchen.example/ä", "{https://xn--mnchen-3ya.example/%C3%A4|https://münchen.example/ä}"],
    ["xhttp://a.b 1https://a.b", "xhttp://a.b 1https://a.b"],
    ["http:// https://[ mailto:", "http:// https://[ mailto:"],
    ["[a](b) [a](/b) [a]() []() [a][b] [a", "[a](b) [a](/b) [a]() []() [a][b] [a"],
    [
      "https://bank.example@evil.example/ https://good.example\\@evil.example",
      "https://bank.example@evil.example/ {https://good.example/|https://good.example}\\@evil.example",
    ],
    ["https://a.b/\u202egpj.exe", "{https://a.b/}\u202egpj.exe"],
    ["*https://a.b/*c*", "{i {https://a.b/*c}}"],
  ],
  escapes: [
    ["\\*a\\* \\_b\\_ \\`c\\` \\[d](http://e.f)", "*a* _b_ `c` [d]({http://e.f/|http://e.f})"],
    ["C:\\dir \\(x\\) \\\\", "C:\\dir \\(x\\) \\\\"],
    ["\\> a\n\\- b", "> a⏎- b"],
  ],
};

for (const [what, cases] of Object.entries(CASES)) {
  test(`${what} are read as CommonMark reads them, where it matters`, () => {
    for (const [text, expected] of cases) assert.equal(short(parse(text)), expected, JSON.stringify(text));
  });
}

// --- whatever is typed -------------------------------------------------------------------------------

/** All that a reader sees, block by block. */
function seen(blocks) {
  return blocks
    .map((block) => {
      if (block.type === "paragraph") return visibleText(block.inline);
      if (block.type === "code") return block.text;
      return (block.type === "quote" ? [block.blocks] : block.items).map(seen).join("\n");
    })
    .join("\n");
}

function* nodesOf(blocks) {
  for (const block of blocks) {
    yield block;
    if (block.type === "paragraph") yield* inlineOf(block.inline);
    if (block.type === "quote") yield* nodesOf(block.blocks);
    if (block.type === "list") for (const item of block.items) yield* nodesOf(item);
  }
}

function* inlineOf(nodes) {
  for (const node of nodes) {
    yield node;
    if (node.inline) yield* inlineOf(node.inline);
  }
}

const PIECES = [
  ..."*_~`[]()<>!#-+>|\\ \n\t",
  "**",
  "~~",
  "```",
  "\n\n",
  "\n> ",
  "\n- ",
  "\n1. ",
  "  ",
  "a",
  "b c",
  "é",
  "😀",
  "1",
  ".",
  ":",
  "http://",
  "https://a.b/",
  "mailto:",
  "](",
  "](https://x.y/",
  "javascript:",
  "data:",
  "\ud83d",
  "\u0000",
  "\u202e",
  "`a`",
];
const typed = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 200 }),
);
const rest = (text) => [...text].filter((char) => !MARKUP.has(char) && /\S/u.test(char));
const MARKUP = new Set("*_~`[]()>-+\\.0123456789");

test("no character that is no mark is ever lost, and none is made up", () => {
  fc.assert(
    fc.property(typed, (text) => {
      const shown = rest(seen(parse(text)));
      let place = 0;
      const lost = [];
      for (const char of rest(text)) {
        if (shown[place] === char) place += 1;
        else lost.push(char);
      }
      assert.equal(place, shown.length, "something was made up, or stands elsewhere");
      // The language of code and the address of a link are no part of the text; the page shows them besides.
      const besides = [...nodesOf(parse(text))].map(
        ({ language, type, href }) => language ?? (type === "link" ? href : ""),
      );
      // An address is shown as it is sent, with what is not ASCII encoded; so what was typed is told by it too.
      const hasLink = [...nodesOf(parse(text))].some(({ type }) => type === "link");
      const typedAddresses = hasLink ? [...text.matchAll(/\]\((\S*)/g)].map(([, address]) => address) : [];
      const told = new Set([...besides.concat(typedAddresses).join("").toLowerCase()]);
      assert.deepEqual(
        lost.filter((char) => !told.has(char.toLowerCase())),
        [],
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a text without marks comes out as it is", () => {
  const plain = fc.stringMatching(/^[a-z äöüß€,.;:!?'"()=&%$@/{}^|]{0,100}$/u).filter((text) => text.trim() !== "");
  fc.assert(
    fc.property(plain, (text) =>
      assert.deepEqual(parse(text), [{ type: "paragraph", inline: [{ type: "text", text }] }]),
    ),
  );
});

test("whatever is typed is read, into few kinds of nodes, no deeper than a page can draw", () => {
  const INLINE = ["text", "code", "break", "strong", "emphasis", "strike", "link"];
  const KINDS = new Set(["paragraph", "code", "quote", "list", ...INLINE]);
  const depth = (value) => (typeof value !== "object" ? 0 : 1 + Math.max(0, ...Object.values(value).map(depth)));
  fc.assert(
    fc.property(typed, (text) => {
      const blocks = parse(text);
      for (const node of nodesOf(blocks)) assert(KINDS.has(node.type));
      assert(depth(blocks) < 120);
    }),
    { numRuns: 1_000 },
  );
});

test("emphasis lies no deeper in emphasis than sixteen times", () => {
  const [{ inline }] = parse(`${"*a **b ".repeat(50)}c${"** d*".repeat(50)}`);
  const depth = (nodes) => 1 + Math.max(0, ...nodes.map((node) => (node.inline ? depth(node.inline) : 0)));
  assert(depth(inline) === 17, `${depth(inline)}`);
});

test("what stands in code is never interpreted", () => {
  const lines = fc.array(fc.constantFrom(...PIECES.filter((piece) => !/[`\n]/.test(piece))), { maxLength: 30 });
  fc.assert(
    fc.property(
      lines.map((pieces) => pieces.join("")),
      (code) => {
        assert.deepEqual(parse("```\n" + code + "\n```"), [{ type: "code", text: code, language: "" }]);
        if (code.trim() === "") return;
        const [{ inline }] = parse("x`" + code + "`");
        const expected = /^ .*\S.* $/su.test(code) ? code.slice(1, -1) : code;
        assert.deepEqual(inline, [
          { type: "text", text: "x" },
          { type: "code", text: expected },
        ]);
      },
    ),
  );
});

test("a link is http, https or mailto, and nobody's name stands before its host", () => {
  const scheme = fc.constantFrom(
    "javascript:",
    "JaVaScRiPt:",
    "data:text/html,",
    "vbscript:",
    "file:///",
    "blob:",
    "ftp://",
    "http://",
    "https://",
    "HTTPS://",
    "mailto:",
    "//",
    "/",
    "\u0001javascript:",
    "java\tscript:",
    "http:",
    "https:/",
    "https://u:p@",
  );
  const rest = fc.stringMatching(/^[-a-z0-9.@:/?#()[\]%\\&;*_ ]{0,30}$/u);
  fc.assert(
    fc.property(scheme, rest, (start, end) => {
      for (const text of [`${start}${end}`, `[x](${start}${end})`, `<${start}${end}>`]) {
        for (const node of nodesOf(parse(text))) {
          if (node.type !== "link") continue;
          const { protocol, username, password } = new URL(node.href);
          assert(["http:", "https:", "mailto:"].includes(protocol) && username === "" && password === "", node.href);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

// From OWASP's "XSS Filter Evasion Cheat Sheet": what has got past filters of HTML.
const ATTACKS = [
  "<script>alert(1)</script>",
  "<SCRIPT SRC=https://xss.example/xss.js></SCRIPT>",
  "<IMG SRC=\"javascript:alert('XSS');\">",
  "<IMG SRC=JaVaScRiPt:alert('XSS')>",
  "<IMG SRC=`javascript:alert(\"RSnake says, 'XSS'\")`>",
  '<IMG """><SCRIPT>alert("XSS")</SCRIPT>"\\>',
  "<IMG SRC=# onmouseover=\"alert('xxs')\">",
  '<IMG SRC=/ onerror="alert(String.fromCharCode(88,83,83))"></img>',
  "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
  '<IMG SRC="jav&#x0A;ascript:alert(1);">',
  "<svg/onload=alert(1)>",
  "<BODY ONLOAD=alert('XSS')>",
  '<iframe src="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="></iframe>',
  '<a href="javascript:alert(1)">x</a>',
  '<<SCRIPT>alert("XSS");//\\<</SCRIPT>',
  '<META HTTP-EQUIV="refresh" CONTENT="0;url=javascript:alert(1);">',
  "[x](javascript:alert(1))",
  "[x](JAVASCRIPT:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox(1))",
  "[x]( javascript:alert(1))",
  "[x](java\nscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](%6aavascript:alert(1))",
  "[x](\\javascript:alert(1))",
  "[x](https:\\\\evil.example)",
  "![x](javascript:alert(1))",
  "[x]: javascript:alert(1)",
  "<javascript:alert(1)>",
];

test("the known ways to smuggle a script in come out as the text that they are", () => {
  for (const text of ATTACKS) {
    for (const node of nodesOf(parse(text))) {
      assert(node.type !== "link" || /^https:\/\/xss\.example\/xss\.js$/u.test(node.href), `${text}: ${node.href}`);
      assert(["paragraph", "text", "code", "break", "link", "emphasis"].includes(node.type), `${text}: ${node.type}`);
    }
    assert.equal(seen(parse(text)).replace(/[`\\]/gu, ""), text.replace(/[`\\]/gu, ""));
  }
});

test("hundreds of thousands of hostile characters are read: what took their square would not come to an end", () => {
  const HOSTILE = [
    "*a ",
    "a* ",
    "*a _b ~~c ",
    "**a *b ",
    "a**b",
    "*a* ",
    "_*",
    "***a** ",
    "[",
    "[a](x",
    "[a](http://x(",
    "[`",
    "\\",
    "`",
    "`a``b```c",
    "http://[",
    "http://x(",
    "http://a.b/)",
    "mailto:",
    "hhmm",
    "> ",
    ">",
    "- ",
    "- a\n",
    "1. ",
    "- a\n\n",
    "```\n",
    "~~~\n> ",
  ];
  for (const piece of HOSTILE) {
    const text = piece.repeat(Math.ceil(400_000 / piece.length));
    assert(parse(text).length > 0, piece);
  }
  const [long, blank] = ["x".repeat(1_000_000), " ".repeat(1_000_000)];
  for (const text of [
    `\`\`\`${blank}x`,
    `\` ${long}\``,
    "`".repeat(1_000_000),
    `- ${blank}x`,
    `${blank}x`,
    `>${blank}`,
    `~~~\n~${blank}x`,
  ]) {
    assert(parse(text).length > 0);
  }
  assert(parse("*a ".repeat(300_000) + "b_ ".repeat(300_000)).length > 0); // closers of what nothing opens
  const growing = Array.from({ length: 1_400 }, (_, count) => "`".repeat(count + 1)).join("a");
  assert(parse(growing).length === 1);
});
