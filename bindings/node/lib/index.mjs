import mishikallm from './index.js';

export const {
  Client, completion, textCompletion, embedding, embeddingRows, invoke, info, setLog, Stream, EmbeddingRows,
  MishikaError, BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError, RequestTooLargeError,
  UnprocessableEntityError, RateLimitError, InternalServerError, BadGatewayError, ServiceUnavailableError,
  APIConnectionError, APIConnectionTimeoutError, ClientClosedError,
} = mishikallm;
export default mishikallm;
