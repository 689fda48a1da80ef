//! What becomes of commands when Redis is not as it should be.
