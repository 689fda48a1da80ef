import io.github.mishikallm.Client;
import io.github.mishikallm.EmbeddingRequest;
import io.github.mishikallm.MishikaException;
import java.util.Locale;

/** How alike three sentences are. Arguments: URL [MODEL] */
class Embed {
    public static void main(String[] args) {
        EmbeddingRequest request = EmbeddingRequest.builder()
                .apiBase(args[0])
                .model("triton/" + (args.length > 1 ? args[1] : "minilm"))
                .input("A ship sails on the sea.", "A boat crosses the water.", "It rains in the mountains.")
                .build();
        try {
            float[][] rows = Client.standard().embeddingRows(request).rows();
            System.out.printf("%d rows of %d numbers%n", rows.length, rows[0].length);
            for (int[] pair : new int[][] {{0, 1}, {0, 2}, {1, 2}}) {
                double cosine = cosine(rows[pair[0]], rows[pair[1]]);
                System.out.printf(Locale.ROOT, "%d-%d %.3f%n", pair[0], pair[1], cosine);
            }
        } catch (MishikaException e) {
            System.err.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.exit(1);
        }
    }

    static double cosine(float[] a, float[] b) {
        double product = 0;
        double squareA = 0;
        double squareB = 0;
        for (int i = 0; i < a.length; i++) {
            product += a[i] * b[i];
            squareA += a[i] * a[i];
            squareB += b[i] * b[i];
        }
        return product / Math.sqrt(squareA * squareB);
    }
}
