// What all of the page uses. Texts are only ever put in as texts.

const $ = (id) => document.getElementById(id);

/** An element with a class, texts and other elements in it. */
function element(name, className, ...inside) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...inside.filter((part) => part !== null && part !== undefined && part !== ''));
  return made;
}

function button(text, onClick, className) {
  const made = element('button', className, text);
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

/** Shows why something failed; nothing: hides it. Whoever needs a key is led to its field. */
function alertIn(place, error) {
  place.hidden = !error;
  place.textContent = error ? error.message : '';
  if (error && error.status === 401) askForKey(error.message);
}

function askForKey(message) {
  $('key').setAttribute('aria-invalid', 'true');
  noteKey(message, true);
  $('key').focus();
}

function noteKey(message, isBad) {
  $('key-note').textContent = message;
  $('key-note').classList.toggle('bad', Boolean(isBad));
}

// Tabs: arrows, Home and End move between them, and the address remembers which one is open.
const TABS = ['chat', 'embed', 'models', 'keys', 'routes'];

function openTab(name) {
  for (const tab of TABS) {
    const is = tab === name;
    $(tab).hidden = !is;
    $('tab-' + tab).setAttribute('aria-selected', is);
    $('tab-' + tab).tabIndex = is ? 0 : -1;
  }
  if (name === 'routes') showRoutes();
  watchKeys();
  history.replaceState(null, '', '#' + name);
}

function startTabs() {
  TABS.forEach((name, at) => {
    const tab = $('tab-' + name);
    tab.addEventListener('click', () => openTab(name));
    tab.addEventListener('keydown', (event) => {
      const steps = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1};
      if (!(event.key in steps)) return;
      event.preventDefault();
      const next = TABS[(steps[event.key] + TABS.length) % TABS.length];
      openTab(next);
      $('tab-' + next).focus();
    });
  });
  const named = location.hash.slice(1);
  openTab(TABS.includes(named) ? named : 'chat');
}

/** Shows a request as programs send it. */
function showSame(place, path, body) {
  const texts = {curl: asCurl(path, body), Python: asPython(path, body)};
  const code = element('code');
  const pre = element('pre', '', code);
  pre.tabIndex = 0;
  const choices = Object.keys(texts).map((name) => button(name, () => choose(name)));
  const copied = element('span', 'hint');
  copied.setAttribute('role', 'status');
  function choose(name) {
    code.textContent = texts[name];
    pre.setAttribute('aria-label', name);
    choices.forEach((choice) => choice.setAttribute('aria-pressed', choice.textContent === name));
    place.dataset.chosen = name;
    copied.textContent = '';
  }
  const copy = button('Copy', async () => {
    copied.textContent = await toClipboard(code) ? 'Copied' : 'Selected: copy it with the keyboard';
  });
  choose(place.dataset.chosen || 'curl');
  place.replaceChildren(element('div', 'row', element('h2', '', 'The same from a program'), copied, ...choices, copy), pre);
  if (key.get()) place.append(element('p', 'hint', 'MISHIKALLM_API_KEY holds the key.'));
  place.hidden = false;
}

/** Browsers give the clipboard to pages over TLS and of this machine alone. */
async function toClipboard(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand('copy');
  }
}

function asCurl(path, body) {
  const quoted = "'" + JSON.stringify(body, null, 2).replaceAll("'", "'\\''") + "'";
  const lines = ['curl ' + (body.stream ? '-N ' : '') + HOME + path, "-H 'content-type: application/json'"];
  if (key.get()) lines.push('-H "authorization: Bearer $MISHIKALLM_API_KEY"');
  return [...lines, '-d ' + quoted].join(' \\\n  ');
}

function asPython(path, body) {
  const value = (json) => json === true ? 'True' : json === false ? 'False' : JSON.stringify(json);
  const of = path.endsWith('embeddings') ? 'embeddings' : 'chat.completions';
  const lines = [
    ...(key.get() ? ['import os', ''] : []),
    'from openai import OpenAI',
    '',
    'client = OpenAI(base_url=' + value(HOME + 'v1') + ', api_key=' + (key.get() ? 'os.environ["MISHIKALLM_API_KEY"]' : '"none"') + ')',
    'answer = client.' + of + '.create(',
    ...Object.entries(body).map(([name, given]) => '    ' + name + '=' + (
      Array.isArray(given) ? '[\n' + given.map((one) => '        ' + value(one) + ',\n').join('') + '    ]' : value(given)) + ','),
    ')',
  ];
  if (of === 'embeddings') lines.push('print(len(answer.data[0].embedding), answer.data[0].embedding[:8])');
  else lines.push('for chunk in answer:', '    print(chunk.choices[0].delta.content or "", end="", flush=True)');
  return lines.join('\n');
}
