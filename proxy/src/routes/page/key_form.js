// Making a key, and changing one.

const UNCHANGED = 'unchanged';

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

/** What the form says, as the route takes it; `none` stands for a field that is empty. */
function wantedKey(none) {
  const patterns = $('keys-patterns').value.split(',').map((name) => name.trim()).filter(Boolean);
  const budget = number('keys-budget'), lives = period($('keys-duration'));
  return {
    key_alias: $('keys-alias').value.trim() || none,
    models: [...chosenModels(), ...patterns],
    max_budget: budget ?? none,
    budget_duration: (budget === undefined ? undefined : period($('keys-period'))) ?? none,
    rpm_limit: number('keys-rpm') ?? none,
    tpm_limit: number('keys-tpm') ?? none,
    max_parallel_requests: number('keys-parallel') ?? none,
    duration: lives === UNCHANGED ? undefined : lives ?? none,
  };
}

/** Puts what a key is into the form. */
function fillForm(key) {
  const models = Array.isArray(key.models) ? key.models : [];
  for (const box of $('keys-models').querySelectorAll('input')) box.checked = models.includes(box.value);
  $('keys-patterns').value = models.filter((name) => !modelIds.includes(name)).join(', ');
  $('keys-alias').value = key.key_alias ?? '';
  $('keys-budget').value = key.max_budget ?? '';
  $('keys-rpm').value = key.rpm_limit ?? '';
  $('keys-tpm').value = key.tpm_limit ?? '';
  $('keys-parallel').value = key.max_parallel_requests ?? '';
  const every = $('keys-period'), text = key.budget_duration ?? '';
  const isListed = [...every.options].some((option) => option.value === text);
  every.value = isListed ? text : OTHER;
  if (!isListed) every.parentElement.querySelector('.other').value = text;
  $('keys-duration').add(new Option('as it is', UNCHANGED), 0);
  $('keys-duration').value = UNCHANGED;
}

// Of which card the form is: none, where it is of a new key.
const form = {card: null, isBusy: false};

async function sendForm() {
  if (form.isBusy) return;
  const {card} = form;
  alertIn($('keys-form-alert'));
  form.isBusy = $('keys-make').disabled = true;
  try {
    if (card) {
      await askJson('key/update', {key: card.key.token, ...wantedKey(null)});
      put($('keys-said'), '“' + nameOf(card.key) + '” is changed.');
      leaveForm();
    } else {
      const made = await askJson('key/generate', wantedKey());
      closeForm();
      showMade(made, 'The new key');
      keyring.page = 1;
    }
    watchKeys();
  } catch (error) {
    alertIn($('keys-form-alert'), error);
  }
  form.isBusy = $('keys-make').disabled = false;
}

/** The key itself: this once, as the proxy keeps only its hash. */
function showMade(made, title) {
  if (typeof made.key !== 'string') {
    alertIn($('keys-alert'), new Failure('The answer has no key in it. Does something stand before the proxy?'));
    return;
  }
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

function openForm(card) {
  closeForm();
  form.card = card;
  if (card) fillForm(card.key);
  showPeriods();
  put($('keys-form-title'), card ? 'Change “' + nameOf(card.key) + '”' : 'A new key');
  put($('keys-make'), card ? 'Save' : 'Make the key');
  $('keys-form').hidden = false;
  $('keys-new').hidden = true;
  $('keys-alias').focus();
}

function closeForm() {
  form.card = null;
  $('keys-form').reset();
  $('keys-duration').querySelector('[value="' + UNCHANGED + '"]')?.remove();
  alertIn($('keys-form-alert'));
  $('keys-form').hidden = true;
  $('keys-new').hidden = false;
}

/** Closes it, and leads back to where it was opened. */
function leaveForm() {
  const opener = form.card?.buttons[0];
  closeForm();
  (opener?.isConnected ? opener : $('keys-new')).focus();
}

function showPeriods() {
  for (const select of $('keys-form').querySelectorAll('select')) showPeriod(select);
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
  $('keys-new').addEventListener('click', () => openForm(null));
  $('keys-cancel').addEventListener('click', leaveForm);
  $('keys-form').addEventListener('submit', (event) => {
    event.preventDefault();
    sendForm();
  });
}
