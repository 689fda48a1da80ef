#include "driver.hpp"
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <mishikallm.hpp>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>

namespace {

std::string chat(const mishikallm::client &client, const json &request)
{
    return client.completion(request).content();
}

std::string background(const mishikallm::client &client, const json &request)
{
    std::string content;
    const auto call = client.submit("chat.completions", request, [&content](const mishikallm::event &event) {
        if (event)
            content = event->content();
    });
    call.wait();
    return content;
}

std::string rows(const mishikallm::client &client, const json &request)
{
    const auto made = client.rows(request);
    double sum = 0;
    for (const auto row : made)
        for (const float number : row)
            sum += static_cast<double>(number);
    return std::to_string(made.size()) + " rows of " + std::to_string(made.columns()) + ", sum " + std::to_string(sum);
}

std::string stream(const mishikallm::client &client, const json &request)
{
    std::string content;
    for (const auto &chunk : client.stream(request))
        content += chunk.content();
    return content;
}

std::string cancel(const mishikallm::client &client, const json &request)
{
    auto opened = client.stream(request);
    const auto first = opened.next();
    opened.cancel();
    try {
        opened.next();
    } catch (const mishikallm::cancelled_error &) {
        return first->empty() ? "" : "cancelled after a chunk";
    }
    return "";
}

long resident_kb()
{
    long all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

long long cpu_us()
{
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval &time) { return time.tv_sec * 1000000LL + time.tv_usec; };
    return us(used.ru_utime) + us(used.ru_stime);
}

} // namespace

int calls(const std::string &kind, const std::string &request, long count)
{
    const std::map<std::string, std::function<std::string(const mishikallm::client &, const json &)>> kinds = {
        {"chat", chat}, {"rows", rows}, {"stream", stream}, {"cancel", cancel}, {"async", background}};
    const auto call = kinds.find(kind);
    if (call == kinds.end())
        throw std::runtime_error("no such kind of calls: " + kind);
    const mishikallm::client client;
    const json asked = json::parse(request);

    const std::string expected = call->second(client, asked);
    if (expected.empty())
        throw std::runtime_error("the first call gave nothing");
    json resident = json::array();
    const auto began = std::chrono::steady_clock::now();
    const auto cpu_began = cpu_us();
    for (long done = 0, tenth = 1; tenth <= 10; ++tenth) {
        for (; done < count * tenth / 10; ++done)
            if (const auto got = call->second(client, asked); got != expected)
                throw std::runtime_error("a call gave \"" + got + "\", the first one \"" + expected + "\"");
        resident.push_back(resident_kb());
    }
    const auto wall = std::chrono::steady_clock::now() - began;
    std::cout << json{
        {"kind", kind},
        {"calls", count},
        {"wall_us", std::chrono::duration_cast<std::chrono::microseconds>(wall).count()},
        {"cpu_us", cpu_us() - cpu_began},
        {"rss_kb", resident},
    }.dump() << std::endl;
    return 0;
}
