// One virtual key on the page: what it spent, what it may, and what is done with it.

/** Changes a text only where it is another one: a selection in it stays. */
function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** What a key is called. */
function nameOf(key) {
  return key.key_alias || key.key_name || key.token.slice(0, 12) + '…';
}

function isExpired(key) {
  return moment(key.expires) !== null && moment(key.expires) <= Date.now();
}

function isSpent(key) {
  return typeof key.max_budget === 'number' && key.spend >= key.max_budget;
}

/** What keeps a key from being accepted. */
function faults(key) {
  return [key.blocked ? 'blocked' : '', isExpired(key) ? 'expired' : '', isSpent(key) ? 'budget used up' : ''].filter(Boolean);
}

function spendOf(key) {
  const spent = money(key.spend ?? 0);
  if (typeof key.max_budget !== 'number') return spent;
  const resets = moment(key.budget_reset_at);
  const again = resets ? ', resets ' + away(resets) : key.budget_duration ? ' each ' + key.budget_duration : '';
  return spent + ' of ' + money(key.max_budget) + again;
}

function modelsOf(key) {
  return Array.isArray(key.models) && key.models.length ? key.models.join(', ') : 'all';
}

function limitsOf(key) {
  const limits = [
    [key.rpm_limit, 'request/min', 'requests/min'],
    [key.tpm_limit, 'token/min', 'tokens/min'],
    [key.max_parallel_requests, 'at once', 'at once'],
  ];
  return limits.filter(([most]) => typeof most === 'number').map((limit) => count(...limit)).join(' · ') || 'none';
}

function expiryOf(key) {
  const at = moment(key.expires);
  return at ? away(at) : 'never';
}

/** Names and what stands beside them; `show` changes what stands there. */
function facts(...names) {
  const places = names.map(() => element('dd'));
  const made = element('dl', 'facts', ...names.map((name, at) => element('div', '', element('dt', '', name), places[at])));
  return {made, show: (...texts) => texts.forEach((text, at) => put(places[at], text))};
}

/** The part of the budget that is spent, as a bar. */
function budgetBar() {
  const made = element('meter');
  made.setAttribute('aria-label', 'Spend of the budget');
  return {made, show(key) {
    made.hidden = typeof key.max_budget !== 'number';
    if (made.hidden) return;
    // A budget of nothing is a full one.
    made.max = key.max_budget || 1;
    made.value = key.max_budget ? key.spend ?? 0 : 1;
    made.classList.toggle('near', key.spend >= 0.8 * key.max_budget);
  }};
}

/** A key's card; `actions` are what can be done with it. `show` brings it to what the proxy says now. */
function keyCard(actions) {
  const alias = element('h3'), name = element('code'), badges = element('span', 'badges');
  const bar = budgetBar(), about = facts('Spend', 'Models', 'Limits', 'Expires');
  const details = keyDetails();
  const card = {made: null, key: null, details, buttons: []};
  for (const [title, act, className] of actions) {
    card.buttons.push(button(title, () => act(card), className));
  }
  card.made = element('li', 'held',
    element('div', 'head', alias, name, badges),
    bar.made,
    element('div', 'line', about.made, element('div', 'row acts', ...card.buttons)),
    details.made);
  card.show = (key) => {
    card.key = key;
    put(alias, nameOf(key));
    put(name, key.key_alias ? key.key_name || '' : '');
    const found = faults(key);
    if (badges.textContent !== (found.join('') || 'active')) {
      badges.replaceChildren(...(found.length ? found.map((fault) => element('span', 'badge bad', fault)) : [element('span', 'badge', 'active')]));
    }
    bar.show(key);
    about.show(spendOf(key), modelsOf(key), limitsOf(key), expiryOf(key));
    for (const one of card.buttons) {
      if (one.classList.contains('blocks')) put(one, key.blocked ? 'Unblock' : 'Block');
      // Read aloud, one of many would not say whose it is.
      one.setAttribute('aria-label', one.textContent + ' ' + nameOf(key));
    }
    details.show(key);
  };
  return card;
}

/** While something is done with a key nothing else is. */
function setActing(card, is) {
  for (const one of card.buttons) one.disabled = is;
}
