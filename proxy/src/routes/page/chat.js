// A conversation.

const WIDE = matchMedia('(min-width: 48.01rem)');
const chat = {messages: [], stop: null};

/** A part of the conversation on the page. */
function turn(role, name) {
  const text = element('div', 'text');
  const made = element('article', 'turn ' + role, element('h3', '', name), text);
  $('chat-log').querySelector('.empty')?.remove();
  $('chat-log').append(made);
  return {made, text};
}

/** Whether whoever reads is at the end, and wants to see more. */
function isAtEnd() {
  const log = $('chat-log');
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function toEnd() {
  $('chat-log').scrollTop = $('chat-log').scrollHeight;
}

function setBusy(is) {
  $('chat-stop').hidden = !is;
  $('chat-send').hidden = is;
  // What reads the page aloud waits for the whole answer.
  $('chat-log').setAttribute('aria-busy', is);
}

/** A number of a field; nothing where it is empty. */
function number(id) {
  const field = $(id);
  if (!field.validity.valid) throw new Failure(field.labels[0].textContent + ': ' + field.validationMessage);
  return field.value === '' ? undefined : Number(field.value);
}

function chatRequest(text) {
  const model = chosen($('chat-model'));
  if (!model) throw new Failure('Choose a model first.');
  const system = $('chat-system').value.trim();
  const request = {model, messages: [...chat.messages, {role: 'user', content: text}]};
  if (system) request.messages.unshift({role: 'system', content: system});
  const temperature = number('chat-temperature'), most = number('chat-max');
  if (temperature !== undefined) request.temperature = temperature;
  if (most !== undefined) request.max_tokens = most;
  request.stream = true;
  return request;
}

async function send() {
  const text = $('chat-input').value.trim();
  if (!text || chat.stop) return;
  let request;
  try {
    request = chatRequest(text);
  } catch (error) {
    alertIn($('chat-alert'), error);
    return;
  }
  alertIn($('chat-alert'));
  const stop = chat.stop = new AbortController();
  const mine = turn('user', 'You');
  mine.text.textContent = text;
  const its = turn('assistant waits', request.model);
  toEnd();
  setBusy(true);
  foldSettings();
  $('chat-input').value = '';
  const told = {text: '', thoughts: '', began: performance.now()};
  try {
    const answer = await ask('v1/chat/completions', {...request, stream_options: {include_usage: true}}, stop.signal);
    told.by = answer.headers.get('x-mishikallm-model-id');
    await listen(answer, its, told);
    setFate(its, told);
  } catch (error) {
    const stopped = stop.signal.aborted;
    if (!stopped && !told.text && !told.thoughts) {
      // Nothing was said: the message goes back to where it can be sent again.
      mine.made.remove();
      its.made.remove();
      if (!$('chat-input').value) $('chat-input').value = text;
      if (chat.stop === stop) alertIn($('chat-alert'), error);
    } else {
      its.made.append(element('p', stopped ? 'fate' : 'fate bad', stopped ? 'stopped' : error.message));
    }
  }
  its.made.classList.remove('waits');
  // After "Clear" this is no part of a conversation any more.
  if (chat.stop !== stop) return;
  chat.stop = null;
  setBusy(false);
  if (told.text) chat.messages.push({role: 'user', content: text}, {role: 'assistant', content: told.text});
  showSame($('chat-same'), 'v1/chat/completions', request);
}

/** Puts the answer in as it comes. */
async function listen(answer, its, told) {
  for await (const chunk of events(answer)) {
    if (chunk.error) throw new Failure(asText(chunk.error.message) || 'The model failed.');
    if (chunk.usage) told.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    told.reason = choice.finish_reason || told.reason;
    const content = asText(choice.delta?.content), thought = asText(choice.delta?.reasoning_content);
    if (!content && !thought) continue;
    told.first ??= performance.now();
    const follows = isAtEnd();
    // Models often begin with a space or a line's end.
    if (content) its.text.append(told.text.trim() ? content : content.trimStart());
    if (thought) think(its, told, thought);
    told.text += content;
    if (follows) toEnd();
  }
}

function asText(value) {
  return typeof value === 'string' ? value : '';
}

function think(its, told, thought) {
  if (!told.thoughts) {
    told.place = element('div');
    its.text.before(element('details', '', element('summary', '', 'Thoughts'), told.place));
  }
  told.thoughts += thought;
  told.place.append(thought);
}

/** What the answer took. */
function setFate(its, told) {
  const now = performance.now(), usage = told.usage;
  const facts = [];
  if (told.reason === 'length') facts.push('cut at the length limit');
  if (!told.text && !told.thoughts) facts.push('an empty answer');
  if (usage) facts.push((usage.estimated ? 'about ' : '') + usage.prompt_tokens + ' + ' + usage.completion_tokens + ' tokens');
  if (told.first) facts.push('first after ' + Math.round(told.first - told.began) + ' ms');
  if (usage && usage.completion_tokens > 1 && now > told.first) {
    facts.push(Math.round((usage.completion_tokens - 1) * 1000 / (now - told.first)) + ' tokens/s');
  }
  if (told.by) facts.push('by ' + told.by);
  const follows = isAtEnd();
  its.made.append(element('p', 'fate', facts.join(' · ')));
  if (follows) toEnd();
}

function clearChat() {
  chat.stop?.abort();
  chat.stop = null;
  chat.messages = [];
  setBusy(false);
  alertIn($('chat-alert'));
  $('chat-log').replaceChildren(element('p', 'empty', 'Ask a model something. The answer comes as it is generated.'));
  $('chat-same').hidden = true;
  $('chat-input').focus();
}

/** A phone has no room for them beside the conversation. */
function foldSettings() {
  $('chat-settings').open = WIDE.matches;
}

function startChat() {
  $('chat-form').addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  $('chat-input').addEventListener('keydown', (event) => {
    // Enter may also end a word that is being composed.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  $('chat-stop').addEventListener('click', () => {
    chat.stop?.abort();
    $('chat-input').focus();
  });
  $('chat-clear').addEventListener('click', clearChat);
  WIDE.addEventListener('change', foldSettings);
  foldSettings();
}
