// CommonJS has the same types.
import mishikallm = require('mishikallm');

const client = new mishikallm.Client({ api_base: 'http://localhost:8000' });
export const answer: Promise<mishikallm.ChatCompletion> = client.completion({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });
