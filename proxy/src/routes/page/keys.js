// Virtual keys: all of them for whoever has the master key, and for whoever has one of them that one.

const REFRESH_MS = 4000, PAGE_SIZE = 20;

// What the key that was entered may see is found out with the first answer.
const keyring = {sees: '', page: 1, pages: 1, asks: null, timer: 0, cards: new Map()};

/** Whether somebody looks at them. */
function areSeen() {
  return !$('keys').hidden && document.visibilityState === 'visible';
}

/** Asks at once, and then every few seconds for as long as somebody looks. */
async function watchKeys() {
  clearTimeout(keyring.timer);
  keyring.asks?.abort();
  if (!areSeen()) return;
  const asks = keyring.asks = new AbortController();
  const isFirst = !keyring.sees;
  try {
    await showKeys(asks.signal);
    if (asks.signal.aborted) return;
    alertIn($('keys-alert'));
  } catch (error) {
    if (asks.signal.aborted) return;
    // Whoever types elsewhere is not led away by a refresh.
    if (isFirst) alertIn($('keys-alert'), error);
    else alertIn($('keys-alert'), new Failure(error.message));
    if (error.status === 401) {
      forgetKeys();
      return;
    }
  }
  if (keyring.sees !== 'none') keyring.timer = setTimeout(watchKeys, REFRESH_MS);
}

async function showKeys(signal) {
  if (keyring.sees === 'one') return showOwn(signal);
  let list;
  try {
    list = await askJson('key/list?return_full_object=true&page=' + keyring.page + '&size=' + PAGE_SIZE, undefined, signal);
  } catch (error) {
    if (keyring.sees === 'all' || error.status < 400 || error.status === 401 || error.status >= 500) throw error;
    return showOwn(signal, error);
  }
  const listed = (Array.isArray(list.keys) ? list.keys : []).filter((key) => typeof key?.token === 'string');
  const pages = Math.max(1, Number(list.total_pages) || 1);
  if (keyring.page > pages) {
    // The last one of the last page is gone.
    keyring.page = pages;
    return showKeys(signal);
  }
  keyring.sees = 'all';
  keyring.pages = pages;
  const total = Number(list.total_count) || listed.length;
  put($('keys-lead'), total ? count(total, 'key', 'keys') + ', kept up to date here.'
    : 'There are no keys yet. Each one has its models, its limits and its budget, and programs use it like any OpenAI key.');
  $('keys-bar').hidden = false;
  $('keys-pages').hidden = pages === 1;
  put($('keys-page'), 'Page ' + keyring.page + ' of ' + pages);
  $('keys-before').disabled = keyring.page === 1;
  $('keys-after').disabled = keyring.page === pages;
  showCards(listed, ACTIONS);
}

/** An ordinary key sees itself; `refused` is why it does not see all. */
async function showOwn(signal, refused) {
  let answer;
  try {
    answer = await askJson('key/info', undefined, signal);
  } catch (error) {
    if (!refused || error.status < 400 || error.status === 401 || error.status >= 500) throw error;
    keyring.sees = 'none';
    put($('keys-lead'), 'There are no keys to see here: ' + refused.message);
    return;
  }
  const isFirst = keyring.sees !== 'one';
  keyring.sees = 'one';
  put($('keys-lead'), 'This is an ordinary key, and sees itself alone. With the master key all of them are made and watched here.');
  const own = answer.info && typeof answer.info === 'object' ? answer.info : {};
  // Its hash, and never the key itself.
  const token = [own.token, answer.key].find((text) => /^[0-9a-f]{64}$/.test(text)) || '';
  showCards([{...own, token}], []);
  // There is nothing else to see.
  if (isFirst) keyring.cards.get(token).details.made.open = true;
}

/** Cards stay the same while their keys do: what somebody opened or has the focus in stays as it is. */
function showCards(listed, actions) {
  const place = $('keys-list'), before = keyring.cards;
  keyring.cards = new Map(listed.map((key) => [key.token, before.get(key.token) || keyCard(actions)]));
  for (const [token, card] of before) {
    if (!keyring.cards.has(token)) card.made.remove();
  }
  listed.forEach((key, at) => {
    const card = keyring.cards.get(key.token);
    if (place.children[at] !== card.made) place.insertBefore(card.made, place.children[at] || null);
    card.show(key);
  });
}

/** With another key, or none, nothing stays on the page of what the last one saw. */
function forgetKeys() {
  clearTimeout(keyring.timer);
  keyring.asks?.abort();
  Object.assign(keyring, {sees: '', page: 1, pages: 1});
  showCards([], []);
  put($('keys-lead'), '');
  put($('keys-said'), '');
  $('keys-made').replaceChildren();
  $('keys-bar').hidden = true;
  $('keys-pages').hidden = true;
  closeForm();
}

/** Does something with a key, says so, and shows what has become of it. */
async function act(card, path, body, said) {
  setActing(card, true);
  put($('keys-said'), '');
  let answer;
  try {
    answer = await askJson(path, body);
    put($('keys-said'), said);
    alertIn($('keys-alert'));
  } catch (error) {
    alertIn($('keys-alert'), error);
  }
  setActing(card, false);
  if (answer) await watchKeys();
  return answer;
}

async function toggleBlock(card) {
  const {token, blocked} = card.key, name = '“' + nameOf(card.key) + '”';
  await act(card, blocked ? 'key/unblock' : 'key/block', {key: token}, name + (blocked ? ' is accepted again.' : ' is blocked.'));
}

async function regenerate(card) {
  const name = nameOf(card.key);
  if (!await isSure('Regenerate “' + name + '”?', 'It becomes another key with the same limits. Programs that use the present one are refused at once.', 'Regenerate')) return;
  const made = await act(card, 'key/regenerate', {key: card.key.token}, '“' + name + '” is another key now.');
  if (made) showMade({key_alias: card.key.key_alias, ...made}, 'The new key');
}

async function removeKey(card) {
  const name = nameOf(card.key);
  if (!await isSure('Delete “' + name + '”?', 'Programs that use it are refused at once. There is no way back.', 'Delete')) return;
  if (await act(card, 'key/delete', {keys: [card.key.token]}, '“' + name + '” is deleted.')) $('keys-new').focus();
}

const ACTIONS = [['Edit', openForm, ''], ['Block', toggleBlock, 'blocks'], ['Regenerate', regenerate, ''], ['Delete', removeKey, 'danger']];

// Who waits for an answer to what the dialog asks; the dialog asks one thing at a time.
let answerSure = () => {};

/** Asks before what cannot be undone. */
function isSure(title, text, yes) {
  answerSure(false);
  $('sure-title').textContent = title;
  $('sure-text').textContent = text;
  $('sure-yes').textContent = yes;
  $('sure').showModal();
  return new Promise((resolve) => {
    answerSure = resolve;
  });
}

function startSure() {
  const dialog = $('sure');
  $('sure-no').addEventListener('click', () => dialog.close());
  $('sure-yes').addEventListener('click', () => {
    answerSure(true);
    dialog.close();
  });
  // Browsers tell of its end a little later: by then it may be open again, and ask another thing.
  dialog.addEventListener('close', () => {
    if (!dialog.open) answerSure(false);
  });
}

function turnPage(by) {
  keyring.page += by;
  $('keys-lead').scrollIntoView({block: 'nearest'});
  watchKeys();
}

function startKeys() {
  startSure();
  $('keys-before').addEventListener('click', () => turnPage(-1));
  $('keys-after').addEventListener('click', () => turnPage(1));
  document.addEventListener('visibilitychange', watchKeys);
  startKeyForm();
}
