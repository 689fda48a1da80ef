package io.github.mishikallm.internal;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** Tells virtual threads apart, which Java before 21 does not have. */
final class Virtual {
    private static final MethodHandle IS_VIRTUAL = find();

    private Virtual() {}

    private static MethodHandle find() {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    /** Whether the caller is one. A thread that waits in C holds its carrier, of which there are few. */
    static boolean current() {
        try {
            return IS_VIRTUAL != null && (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }
}
