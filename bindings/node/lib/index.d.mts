import * as everything from './index.js';

export * from './index.js';
export default everything;
