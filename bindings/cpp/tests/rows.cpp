// Embeddings as rows of numbers.
#include "check.hpp"
#include <algorithm>
#include <iterator>
#include <mishikallm.hpp>
#include <numeric>
#include <type_traits>
#include <vector>

static const mishikallm::client client;

static std::string request(const std::string &name)
{
    return R"({"model": "triton/e", "input": ["a", "b"], "api_base": ")" + base(name) + "/infer\"}";
}

static void views()
{
    const auto rows = client.rows(request("rows"));
    CHECK(rows.size() == 2 && rows.columns() == 3 && !rows.empty());
    CHECK(rows[0].size() == 3 && rows[0][0] == 0.5F && rows[1][2] == -3.25F);
    CHECK(rows[1].data() == rows.data() + 3 && rows[1].begin() == rows.data() + 3 && rows[1].end() == rows.data() + 6);
    const std::vector<float> copy(rows[0].begin(), rows[0].end());
    CHECK((copy == std::vector<float>{0.5F, 1, 2}));

    float sum = 0;
    int count = 0;
    for (const auto row : rows) {
        sum = std::accumulate(row.begin(), row.end(), sum);
        ++count;
    }
    CHECK(count == 2 && sum == -2.75F);
    const auto negative = std::find_if(rows.begin(), rows.end(), [](mishikallm::row row) { return row[0] < 0; });
    CHECK(negative != rows.end() && (*negative)[0] == -1.0F && std::distance(rows.begin(), negative) == 1);
    CHECK(rows.info().string_at("/model") == "m" && rows.info().raw_at("/usage"));
}

static void ownership()
{
    static_assert(!std::is_copy_constructible_v<mishikallm::embeddings>);
    static_assert(std::is_nothrow_move_constructible_v<mishikallm::embeddings>);
    auto rows = [] {
        const mishikallm::client short_lived("{}");
        return short_lived.rows(request("rows"));
    }();
    const float *const where = rows.data();
    auto moved = std::move(rows);
    CHECK(moved.data() == where && moved[1][0] == -1.0F);
    CHECK(rows.empty() && rows.data() == nullptr && rows.begin() == rows.end()); // NOLINT: moved from, and empty
    rows = std::move(moved);
    CHECK(rows.data() == where && moved.empty()); // NOLINT
    const mishikallm::row none;
    CHECK(none.empty() && none.begin() == none.end());
}

static void errors_and_streams()
{
    CHECK(client.try_rows("{}").error().kind() == mishikallm::error_kind::bad_request);
    const auto busy = client.try_rows(request("busy"));
    CHECK(busy.error().kind() == mishikallm::error_kind::rate_limit && busy.error().status() == MISHIKALLM_SERVER);
    auto stream = client.open("embeddings", request("rows"));
    CHECK(stream.rows().size() == 2);
    CHECK(stream.try_rows().error().message().find("taken") != std::string::npos);
    auto words = client.stream(chat("short"));
    CHECK(words.try_rows().error().kind() == mishikallm::error_kind::bad_request);
    CHECK(words.next()); // which changed nothing
}

int main()
{
    views();
    ownership();
    errors_and_streams();
}
