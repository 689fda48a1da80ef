/** A program of somebody else's. */
module consumer {
    requires io.github.mishikallm;
}
