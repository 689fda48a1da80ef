// The list of models, and the fields in which one is chosen.

const OTHER = '\0other';

/** The model that a field names. */
function chosen(select) {
  const other = select.parentElement.querySelector('.other');
  return select.value === OTHER ? other.value.trim() : select.value;
}

function fillSelect(select, ids) {
  const before = select.value;
  const options = ids.map((id) => new Option(id, id));
  // Patterns of the configuration know names that no list has.
  options.push(new Option('another one…', OTHER));
  select.replaceChildren(...options);
  const other = select.parentElement.querySelector('.other');
  if (ids.includes(before) || (before === OTHER && other.value.trim())) select.value = before;
  showOther(select);
}

function showOther(select) {
  const other = select.parentElement.querySelector('.other');
  other.hidden = select.value !== OTHER;
  if (select.id === 'chat-model') $('chat-model-name').textContent = chosen(select);
}

function use(select, id, tab, then) {
  select.value = id;
  showOther(select);
  openTab(tab);
  then.focus();
}

function startModels() {
  for (const select of document.querySelectorAll('select.model')) {
    fillSelect(select, []);
    select.parentElement.querySelector('.other').addEventListener('input', () => showOther(select));
    select.addEventListener('change', () => {
      showOther(select);
      const other = select.parentElement.querySelector('.other');
      if (!other.hidden) other.focus();
    });
  }
}

let loads = 0;

async function loadModels() {
  const mine = ++loads;
  let ids = [];
  try {
    const {data} = await askJson('v1/models');
    // With another key it was asked again.
    if (mine !== loads) return;
    const list = (Array.isArray(data) ? data : []).filter((model) => typeof model?.id === 'string');
    ids = list.map((model) => model.id);
    alertIn($('models-alert'));
    $('models-list').replaceChildren(...list.map(card));
    $('key').removeAttribute('aria-invalid');
    $('key').placeholder = key.get() ? '' : 'not needed';
    noteKey(key.get() ? 'The key is kept until this tab is closed.' : '');
  } catch (error) {
    if (mine !== loads) return;
    if (error.status === 401) $('key').placeholder = 'needed';
    $('models-list').replaceChildren();
    alertIn($('models-alert'), error);
    // Without a key the field for it says so.
    if (error.status !== 401) alertIn($('chat-alert'), error);
  }
  $('models-count').textContent = ids.length;
  $('models-count').hidden = !ids.length;
  fillSelect($('chat-model'), ids);
  offerModels(ids);
  // The likeliest first: a model list often says it in the name.
  const embeds = (id) => /embed|minilm|e5|bge|gte/i.test(id) ? 0 : 1;
  fillSelect($('embed-model'), [...ids].sort((a, b) => embeds(a) - embeds(b)));
}

function card(model) {
  return element('li', '',
    element('strong', '', model.id),
    button('Chat', () => use($('chat-model'), model.id, 'chat', $('chat-input'))),
    button('Embed', () => use($('embed-model'), model.id, 'embed', $('embed-input'))));
}
