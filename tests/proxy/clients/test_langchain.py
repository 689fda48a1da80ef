"""LangChain's classes for OpenAI, as its users write them."""

import asyncio
import os
import unittest

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

SERVER = {"base_url": os.environ["PROXY"] + "/v1", "api_key": os.environ["PROXY_KEY"], "max_retries": 0}


@tool
def get_weather(city: str) -> str:
    """Tells the weather."""
    return "21"


class Chat(unittest.TestCase):

    def test_invoke(self):
        chat = ChatOpenAI(model="chat", max_tokens=12, **SERVER)
        answer = chat.invoke([SystemMessage("Be short."), HumanMessage("What is a ship?")])
        self.assertTrue(answer.content)
        self.assertIn(answer.response_metadata["finish_reason"], ("stop", "length"))
        self.assertGreater(answer.usage_metadata["total_tokens"], 0)

    def test_stream(self):
        chat = ChatOpenAI(model="chat", max_tokens=20, temperature=0, **SERVER)
        pieces = [piece.content for piece in chat.stream("Tell me a story about the sea.")]
        self.assertGreater(len(pieces), 5)
        self.assertEqual("".join(pieces), chat.invoke("Tell me a story about the sea.").content)

    def test_batch_and_async(self):
        chat = ChatOpenAI(model="chat", max_tokens=6, temperature=0, **SERVER)
        self.assertEqual(len({answer.content for answer in chat.batch(["What is a ship?"] * 4)}), 1)

        async def both():
            whole = await chat.ainvoke("What is a ship?")
            return whole.content, "".join([piece.content async for piece in chat.astream("What is a ship?")])

        whole, streamed = asyncio.run(both())
        self.assertEqual(whole, streamed)

    def test_tools(self):
        chat = ChatOpenAI(model="caller", **SERVER).bind_tools([get_weather])
        question = HumanMessage("What is the weather in Paris?")
        said = chat.invoke([question])
        self.assertEqual([(call["name"], call["args"]) for call in said.tool_calls], [("get_weather", {"city": "Paris"})])
        told = ToolMessage(get_weather.invoke(said.tool_calls[0]["args"]), tool_call_id=said.tool_calls[0]["id"])
        self.assertEqual(chat.invoke([question, said, told]).content, "It is 21 degrees.")

    def test_tools_streamed(self):
        chat = ChatOpenAI(model="caller", **SERVER).bind_tools([get_weather])
        gathered = None
        for piece in chat.stream("What is the weather in Paris and Rome?"):
            gathered = piece if gathered is None else gathered + piece
        self.assertEqual([call["args"] for call in gathered.tool_calls], [{"city": "Paris"}, {"city": "Rome"}])

    def test_text(self):
        self.assertTrue(OpenAI(model="chat", max_tokens=6, **SERVER).invoke("A ship"))


class Embeddings(unittest.TestCase):
    """`check_embedding_ctx_length=False`: otherwise the class sends token ids of a model of OpenAI's, which no other model knows."""

    def test_texts(self):
        embeddings = OpenAIEmbeddings(model="embeddings", check_embedding_ctx_length=False, **SERVER)
        food, bread, ship = embeddings.embed_documents(
            ["A man is eating food.", "A man is eating a piece of bread.", "A ship is at sea."])
        self.assertEqual({len(food), len(bread), len(ship)}, {384})
        query = embeddings.embed_query("A man is eating food.")
        self.assertTrue(all(abs(a - b) <= 1e-5 for a, b in zip(query, food)))
        self.assertEqual(len(asyncio.run(embeddings.aembed_documents(["one", "two"]))), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
