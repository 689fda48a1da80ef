// The key, and the beginning.

function startKey() {
  $('key').value = key.get();
  $('key-forget').hidden = !key.get();
  const set = (value) => {
    key.set(value);
    $('key').value = value;
    $('key-forget').hidden = !value;
    $('key').removeAttribute('aria-invalid');
    for (const place of document.querySelectorAll('.alert')) alertIn(place);
    forgetKeys();
    watchKeys();
    loadModels();
  };
  $('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const value = $('key').value.trim();
    // No header holds anything else.
    if (/[^\x20-\x7e]/.test(value)) askForKey('A key has letters, digits and signs of ASCII alone.');
    else set(value);
  });
  $('key-forget').addEventListener('click', () => set(''));
}

$('base').textContent = HOME + 'v1';
startKey();
startModels();
startChat();
startEmbeddings();
startKeys();
startTabs();
loadModels();
