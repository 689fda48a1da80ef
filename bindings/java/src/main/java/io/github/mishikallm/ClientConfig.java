package io.github.mishikallm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;

/**
 * Defaults for all requests of a client, and what only a client has. It holds keys, and {@link #toString()} none of
 * them.
 */
public final class ClientConfig {
    private final ObjectNode fields;

    private ClientConfig(ObjectNode fields) {
        this.fields = fields;
    }

    /**
     * Begins an empty configuration.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    byte[] terminated() {
        return Json.terminated("config", fields);
    }

    /**
     * Names its kind, and nothing else.
     *
     * @return for logs
     */
    @Override
    public String toString() {
        return "ClientConfig";
    }

    /** Says how a client is to be. Not for several threads at once. */
    public static final class Builder extends Request.Builder<Builder> {
        private Builder() {
            super(Json.object());
        }

        /**
         * One more name that a request may give as its model. Several of one name share its calls.
         *
         * @param name   to be given
         * @param params where and how it is called: model, api_base and the rest
         * @return this
         */
        public Builder model(String name, Map<String, ?> params) {
            fields.withArray("/model_list").addObject()
                    .put("model_name", name)
                    .set("mishikallm_params", Json.node(params));
            return this;
        }

        /**
         * Which of several models of one name is asked, and who is asked when one fails.
         *
         * @param settings routing_strategy, num_retries, allowed_fails, cooldown_time, model_group_alias, fallbacks and the others of
         *                 mishikallm_client_new
         * @return this
         */
        public Builder router(Map<String, ?> settings) {
            return extra("router_settings", settings);
        }

        /**
         * PEM files for TLS.
         *
         * @param files ca_file, client_cert_file, client_key_file; insecure
         * @return this
         */
        public Builder tls(Map<String, ?> files) {
            return extra("tls", files);
        }

        /**
         * A proxy; without it the environment's counts.
         *
         * @param url {@code http://…} or {@code socks5://…}; "" for none
         * @return this
         */
        public Builder proxy(String url) {
            return extra("proxy", url);
        }

        /**
         * The limit for streams, in place of {@link #timeout}.
         *
         * @param limit a positive time
         * @return this
         */
        public Builder streamTimeout(Duration limit) {
            return put("stream_timeout", limit);
        }

        /**
         * Ends building.
         *
         * @return the configuration
         */
        public ClientConfig build() {
            return new ClientConfig(fields.deepCopy());
        }
    }
}
