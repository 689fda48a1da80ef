#include "driver.hpp"
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iostream>
#include <mishikallm.hpp>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace {

/// Does something after a while, on a thread of its own, unless it is destroyed before.
class timer {
public:
    timer(std::chrono::milliseconds after, std::function<void()> then)
        : thread_([this, after, then = std::move(then)] {
              std::unique_lock lock(mutex_);
              if (!left_.wait_for(lock, after, [this] { return over_; }))
                  then();
          })
    {
    }
    ~timer()
    {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        left_.notify_one();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable left_;
    bool over_ = false;
    std::thread thread_;
};

/// {base} in every string becomes the case's own URL.
void put_base(json &value, const std::string &base)
{
    if (value.is_string()) {
        auto &text = value.get_ref<std::string &>();
        for (auto at = text.find("{base}"); at != std::string::npos; at = text.find("{base}", at + base.size()))
            text.replace(at, 6, base);
    } else if (value.is_structured()) {
        for (auto &one : value)
            put_base(one, base);
    }
}

/// One case, while its call is under way.
struct under_way {
    const json &about;
    const mishikallm::client &client;
    json request;
    json &outcome;
    std::optional<timer> cancels, closes;

    std::optional<std::chrono::milliseconds> after(const char *field) const
    {
        if (!about.contains(field))
            return std::nullopt;
        return std::chrono::milliseconds(about[field].get<int>());
    }

    mishikallm::stream watched(mishikallm::stream stream)
    {
        if (const auto time = after("cancel_after_ms"))
            cancels.emplace(*time, stream.canceller());
        return stream;
    }

    /// A call that waits for its answer; one that will be cancelled is opened as a stream, which has a canceller.
    template <class Plain>
    void whole(const char *operation, Plain plain)
    {
        if (!after("cancel_after_ms")) {
            outcome["answer"] = std::invoke(plain, client, request).template parse<json>();
            return;
        }
        request["stream"] = false;
        auto stream = watched(client.open(operation, request));
        outcome["answer"] = stream.next()->parse<json>();
    }

    void rows()
    {
        const auto made = after("cancel_after_ms") ? watched(client.open("embeddings", request)).rows() : client.rows(request);
        for (const auto &row : made)
            outcome["rows"].push_back(json(row));
        outcome["info"] = made.info().parse<json>();
    }

    void chunks(mishikallm::stream opened)
    {
        auto stream = watched(std::move(opened));
        auto &came = outcome["chunks"];
        for (const auto &chunk : stream) {
            came.push_back(chunk.parse<json>());
            if (came.size() == about.value("leave_after_chunks", std::size_t(0)))
                break;
            if (came.size() == about.value("cancel_after_chunks", std::size_t(0)))
                stream.cancel();
        }
    }

    void run()
    {
        using mishikallm::client;
        const std::string call = about.at("call");
        if (const auto time = after("close_after_ms"))
            closes.emplace(*time, [this] { this->client.close(); });
        if (call == "completion")
            whole("chat.completions", [](const client &to, const json &asked) { return to.completion(asked); });
        else if (call == "text_completion")
            whole("completions", [](const client &to, const json &asked) { return to.text_completion(asked); });
        else if (call == "embedding")
            whole("embeddings", [](const client &to, const json &asked) { return to.embedding(asked); });
        else if (call == "invoke")
            outcome["answer"] = this->client.invoke(about.at("operation").get<std::string>(), request).parse<json>();
        else if (call == "rows")
            rows();
        else if (call == "stream")
            outcome["chunks"] = json::array(), chunks(this->client.stream(request));
        else if (call == "text_stream")
            outcome["chunks"] = json::array(), chunks(this->client.text_stream(request));
        else
            throw std::runtime_error("a call that this driver does not know: " + call);
    }
};

json outcome_of(const json &about, const std::string &base)
{
    const std::string url = base + "/sync/" + about.at("name").get<std::string>();
    json outcome = {{"case", about["name"]}, {"way", "sync"}};
    json request = about.at("request"), config = about.value("client", json());
    put_base(request, url);
    put_base(config, url);
    try {
        const auto client = config.is_null() ? mishikallm::client() : mishikallm::client(config);
        under_way{about, client, request, outcome, {}, {}}.run();
    } catch (const mishikallm::exception &) {
        outcome["error"] = described(std::current_exception());
    }
    return outcome;
}

} // namespace

int conformance(const std::string &cases, const std::string &base)
{
    std::ifstream file(cases);
    const json all = json::parse(file);
    for (const auto &about : all.at("cases"))
        // In ASCII: some readers take U+2028 for the end of a line.
        std::cout << outcome_of(about, base).dump(-1, ' ', true) << std::endl;
    return 0;
}
