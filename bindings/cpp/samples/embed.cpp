// How near texts are to each other.   usage: embed URL [MODEL]
#include <cmath>
#include <cstdio>
#include <iostream>
#include <mishikallm.hpp>
#include <nlohmann/json.hpp>
#include <numeric>

using nlohmann::json;

static double dot(mishikallm::row a, mishikallm::row b)
{
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

int main(int argc, char **argv)
try {
    const mishikallm::client client(json{{"api_base", argc > 1 ? argv[1] : "http://localhost:8000"}});
    const auto rows = client.rows(json{
        {"model", std::string("triton/") + (argc > 2 ? argv[2] : "minilm")},
        {"input", {"A ship sails on the sea.", "A boat crosses the water.", "It rains in the mountains."}},
    });
    std::printf("%zu rows of %zu numbers\n", rows.size(), rows.columns());
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t j = i + 1; j < rows.size(); ++j)
            std::printf("%zu-%zu %.3f\n", i, j,
                dot(rows[i], rows[j]) / std::sqrt(dot(rows[i], rows[i]) * dot(rows[j], rows[j])));
} catch (const mishikallm::exception &failed) {
    std::cerr << failed.error().kind_name() << ": " << failed.what() << '\n';
    return 1;
}
