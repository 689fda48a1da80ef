// Making a key.

let modelIds = [];

/** The models to choose from; those that were chosen stay chosen. */
function offerModels(ids) {
  modelIds = ids;
  const before = new Set(chosenModels());
  $('keys-models').replaceChildren(...ids.map((id) => {
    const box = element('input');
    box.type = 'checkbox';
    box.value = id;
    box.checked = before.has(id);
    return element('label', 'choice', box, id);
  }));
}

function chosenModels() {
  return [...$('keys-models').querySelectorAll('input:checked')].map((box) => box.value);
}

/** Where a period is chosen: the one that is, also where it is another one. */
function period(select) {
  const other = select.parentElement.querySelector('.other');
  if (select.value !== OTHER) return select.value || undefined;
  const text = other.value.trim();
  if (!/^[1-9]\d*(s|m|h|d|w|mo)$/.test(text)) {
    other.setAttribute('aria-invalid', 'true');
    other.focus();
    throw new Failure(select.labels[0].textContent + ': a number with s, m, h, d, w or mo, such as 12h.');
  }
  other.removeAttribute('aria-invalid');
  return text;
}

/** What the form says, as the route takes it: a field that is empty is not there. */
function wantedKey() {
  const patterns = $('keys-patterns').value.split(',').map((name) => name.trim()).filter(Boolean);
  const body = {
    key_alias: $('keys-alias').value.trim() || undefined,
    models: [...chosenModels(), ...patterns],
    max_budget: number('keys-budget'),
    budget_duration: period($('keys-period')),
    rpm_limit: number('keys-rpm'),
    tpm_limit: number('keys-tpm'),
    max_parallel_requests: number('keys-parallel'),
    duration: period($('keys-duration')),
  };
  if (body.max_budget === undefined) delete body.budget_duration;
  return body;
}

let isMaking = false;

async function makeKey() {
  if (isMaking) return;
  alertIn($('keys-form-alert'));
  isMaking = true;
  $('keys-make').disabled = true;
  try {
    const made = await askJson('key/generate', wantedKey());
    openForm(false);
    $('keys-form').reset();
    for (const select of $('keys-form').querySelectorAll('select')) showPeriod(select);
    showMade(made, 'The new key');
    keyring.page = 1;
    watchKeys();
  } catch (error) {
    alertIn($('keys-form-alert'), error);
  }
  isMaking = false;
  $('keys-make').disabled = false;
}

/** The key itself: this once, as the proxy keeps only its hash. */
function showMade(made, title) {
  if (typeof made.key !== 'string') throw new Failure('The answer is not what the proxy sends. Does something stand before it?');
  const code = element('code', '', made.key), copied = element('span', 'hint');
  const heading = element('h2', '', made.key_alias ? title + ' “' + made.key_alias + '”' : title);
  heading.tabIndex = -1;
  copied.setAttribute('role', 'status');
  const card = element('section', 'made',
    heading,
    element('p', '', 'Copy it now: it is not shown again. The proxy itself keeps only its hash.'),
    element('div', 'secret', code, button('Copy', async () => {
      copied.textContent = await toClipboard(code) ? 'Copied' : 'Selected: copy it with the keyboard';
    }, 'main')),
    element('div', 'row', copied, button('I have it', () => {
      card.remove();
      $('keys-new').focus();
    })));
  card.setAttribute('aria-label', title);
  $('keys-made').prepend(card);
  heading.focus();
}

function openForm(is) {
  $('keys-form').hidden = !is;
  $('keys-new').hidden = is;
  if (is) $('keys-alias').focus();
}

function showPeriod(select) {
  select.parentElement.querySelector('.other').hidden = select.value !== OTHER;
}

function startKeyForm() {
  for (const select of $('keys-form').querySelectorAll('select')) {
    select.add(new Option('another one…', OTHER));
    select.addEventListener('change', () => {
      showPeriod(select);
      if (select.value === OTHER) select.parentElement.querySelector('.other').focus();
    });
  }
  $('keys-new').addEventListener('click', () => openForm(true));
  $('keys-cancel').addEventListener('click', () => {
    openForm(false);
    $('keys-new').focus();
  });
  $('keys-form').addEventListener('submit', (event) => {
    event.preventDefault();
    makeKey();
  });
}
