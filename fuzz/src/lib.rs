//! What the fuzz targets share: how an input is read, and what has to hold for whatever comes out.

pub mod answers;
pub mod asks;
pub mod chunks;
pub mod drive;
pub mod errors;
pub mod numbers;
pub mod parts;
pub mod pieces;
pub mod sent;
pub mod spoken;
pub mod strict;
