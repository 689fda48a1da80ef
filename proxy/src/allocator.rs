//! The allocator of the program.

use libmimalloc_sys::{mi_malloc, mi_realloc, mi_zalloc};
use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};

/// What every piece of mimalloc's is aligned to that is at least as long: a word.
const WORD: usize = size_of::<usize>();

/// mimalloc. A request makes some hundred small pieces: it takes half the instructions that glibc's takes for them. Without huge pages
/// (`no_thp`), which would hold 5 MB more at rest.
///
/// [`MiMalloc`] asks for each piece as one that is to be aligned, and of such mimalloc's third version makes many longer than they are
/// wanted, and slower: all above a kilobyte whose length is no power of two. What needs no more than a word is asked for as it is.
pub struct Allocator;

fn is_plain(layout: &Layout) -> bool {
    layout.align() <= WORD && layout.align() <= layout.size()
}

// SAFETY: all of it is mimalloc's, whose functions take each other's pieces: `mi_free` and `mi_realloc` those of `mi_malloc_aligned` too.
#[expect(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match is_plain(&layout) {
            // SAFETY: it may be called with any length. A piece of at least a word's length is aligned to a word, and a shorter one to
            // its length.
            true => unsafe { mi_malloc(layout.size()).cast() },
            // SAFETY: the caller's.
            false => unsafe { MiMalloc.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match is_plain(&layout) {
            // SAFETY: as of `alloc`.
            true => unsafe { mi_zalloc(layout.size()).cast() },
            // SAFETY: the caller's.
            false => unsafe { MiMalloc.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: the piece is mimalloc's, by the caller's word.
        unsafe { MiMalloc.dealloc(piece, layout) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match layout.align() <= WORD && layout.align() <= size {
            // SAFETY: the piece is mimalloc's, by the caller's word; the new one is aligned as in `alloc`.
            true => unsafe { mi_realloc(piece.cast(), size).cast() },
            // SAFETY: the caller's.
            false => unsafe { MiMalloc.realloc(piece, layout, size) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code)]
    fn pieces_are_aligned_and_keep_what_is_in_them() {
        for align in [1, 2, 4, 8, 16, 64, 128] {
            for size in [
                1, 2, 3, 7, 8, 9, 15, 24, 40, 100, 1_000, 1_100, 5_000, 70_000,
            ] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: the layouts are the pieces' own, no length is zero, and what is read was written or zeroed.
                unsafe {
                    let zeroed = Allocator.alloc_zeroed(layout);
                    assert!(zeroed.addr() % align == 0, "{size} {align}");
                    assert_eq!(zeroed.add(size - 1).read(), 0);
                    Allocator.dealloc(zeroed, layout);
                    let piece = Allocator.alloc(layout);
                    assert!(piece.addr() % align == 0, "{size} {align}");
                    piece.write_bytes(7, size);
                    let grown = Allocator.realloc(piece, layout, size * 3);
                    assert!(grown.addr() % align == 0, "{size} {align}");
                    assert_eq!(grown.add(size - 1).read(), 7);
                    let layout = Layout::from_size_align(size * 3, align).unwrap();
                    let shrunk = Allocator.realloc(grown, layout, 1);
                    assert!(shrunk.addr() % align == 0, "{size} {align}");
                    assert_eq!(shrunk.read(), 7);
                    Allocator.dealloc(shrunk, Layout::from_size_align(1, align).unwrap());
                }
            }
        }
    }
}
