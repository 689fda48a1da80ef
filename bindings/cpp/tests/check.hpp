// What the tests are written with: CHECK says where it failed and ends the program; it needs no exceptions.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>

#define CHECK(what)                                                                    \
    do {                                                                               \
        if (!(what)) {                                                                 \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);    \
            std::exit(1);                                                              \
        }                                                                              \
    } while (false)

/// What must not come about.
#define NEVER(what)                                                                    \
    do {                                                                               \
        std::fprintf(stderr, "%s:%d: came about: %s\n", __FILE__, __LINE__, what);     \
        std::exit(1);                                                                  \
    } while (false)

/// Where `serve` answers as its case of this name says.
inline std::string base(const std::string &name)
{
    const char *server = std::getenv("SERVER");
    CHECK(server != nullptr);
    return server + ("/cpp/sync/" + name);
}

/// A chat request for one of those cases.
inline std::string chat(const std::string &name, const std::string &more = "")
{
    return R"({"model": "triton/m", "messages": [{"role": "user", "content": "hi"}], "api_base": ")" + base(name) +
        "/generate\"" + more + "}";
}

/// A request that is answered without a server.
inline const char *const mocked =
    R"({"model": "triton/m", "messages": [{"role": "user", "content": "hi"}], "api_base": "http://127.0.0.1:1",
        "mock_response": "one \"two\" \u00fc"})";
